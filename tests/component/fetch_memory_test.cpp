#include "tests/component/member_setup.h"

using namespace sluice;
using namespace sluice::fixture;
using namespace sluice::member_test;
using namespace std::chrono_literals;

namespace {

constexpr int lanes = 4;
constexpr std::size_t budget = 16u << 20;
/// What is on its way when fetching stops: an answer that waits, and one in the socket.
constexpr std::size_t on_its_way = 2 * (9u << 20);

/// A member with a partition for each of its lanes, which are served only when a test says so.
class Lanes : public GroupListener, public RecordVisitor {
public:
    Lanes(const KafkaBroker& broker, const config::Ingest& ingest)
        : group(kafka_of(broker), ingest, partitions, [this](const GroupStatistics& told) {
              stands_still = told.fetched_bytes > 0 && told.fetched_bytes == fetched_bytes;
              fetched_bytes = told.fetched_bytes;
          }) {
        fakes::add_partitions(partitions, *ingest.topic.only());
        group.join();
    }
    void on_assigned(std::span<const PartitionId> ids) override {
        std::vector<Position> positions;
        for (const PartitionId partition : ids) positions.push_back({partition, 0});
        group.assign(positions);
        for (const PartitionId partition : ids) lane(partition).open(partition);
    }
    void on_lost_sight(const std::string& /*topic*/) override {}
    void on_revoked(std::span<const PartitionId> ids) override {
        for (const PartitionId partition : ids) lane(partition).close(partition);
        group.unassign(ids);
    }
    void on_record(const Record& record) override {
        ++records;
        bytes += record.value.value_or("").size();
    }

    RecordSource& lane(PartitionId partition) {
        return group.lane(static_cast<std::size_t>(partition));
    }
    /// How many records that brought.
    std::size_t read() {
        const std::size_t before = records;
        for (PartitionId p = 0; p < lanes; ++p) take_from(lane(p), 20ms);
        return records - before;
    }

    std::size_t fetched_bytes = 0;  ///< the gauge
    bool stands_still = false;      ///< since it was told before
    std::size_t records = 0;
    std::size_t bytes = 0;
    PartitionTable partitions;
    GroupMember group;
};

void produce(const KafkaBroker& broker, int count, const std::string& value) {
    KafkaProducer producer(broker.client());
    for (int i = 0; i < count; ++i) producer.produce("sizes", i % lanes, value);
    producer.flush();
}

}  // namespace

TEST_CASE("member: small records, then large ones that nobody takes: memory is the bound") {
    KafkaBroker broker;
    broker.admin().create_topic("sizes", lanes);
    constexpr int small = 20000;
    produce(broker, small, "small");
    config::Ingest ingest = ingest_of("sizes");
    ingest.lanes = lanes;
    ingest.batch.bytes = 1u << 20;
    ingest.memory = lanes * ingest.batch.bytes + budget;
    Lanes all(broker, ingest);
    wait_until(
        [&] {
            all.group.poll(all, 5ms);
            all.read();
            return all.records == small;
        },
        patient(30s), "the small records");

    constexpr std::size_t large = 100'000;
    constexpr int many = 1200;  // 120 MB
    produce(broker, many, std::string(large, 'x'));
    wait_until([&] { return all.group.poll(all, 50ms), all.stands_still; }, patient(60s),
               "the end of fetching");
    const std::size_t told = all.fetched_bytes;
    CHECK(told > budget / 2);
    CHECK(told < budget + on_its_way);

    broker.freeze();
    all.bytes = 0;
    while (all.read() > 0) continue;
    CHECK(all.bytes < budget + on_its_way);
    CHECK(all.bytes + large > told - told / 50);
    CHECK(all.bytes < told + on_its_way);
    broker.thaw();

    wait_until(
        [&] {
            all.group.poll(all, 5ms);
            all.read();
            return all.records == small + many;
        },
        patient(60s), "the rest");
}
