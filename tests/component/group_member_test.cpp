#include "kafka/group_member.h"

#include "pipeline/errors.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <string>
#include <thread>

using namespace sluice;
using namespace sluice::fixture;
using namespace std::chrono_literals;
using sluice::kafka::GroupMember;

namespace {

using Partitions = std::vector<PartitionId>;
using Strings = std::vector<std::string>;
using Clock = std::chrono::steady_clock;

struct Got {
    PartitionId partition;
    Offset offset;
    std::int64_t timestamp_ms;
    std::optional<std::string> key;
    std::optional<std::string> value;
    std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

config::Ingest ingest_of(const std::string& topic) {
    config::Ingest ingest;
    ingest.name = topic;
    ingest.topic = topic;
    ingest.group = "sluice." + topic;
    ingest.lanes = 1;
    ingest.memory = 64u << 20;
    return ingest;
}

config::Kafka kafka_of(const KafkaBroker& broker) {
    config::Kafka kafka;
    kafka.brokers.text = broker.bootstrap();
    return kafka;
}

/// A member with one lane, both served by the test's thread: takes what it is assigned.
class Member : public GroupListener, public RecordVisitor {
public:
    explicit Member(const std::string& topic, const config::Kafka& kafka,
                    const config::Ingest& ingest)
        : group(kafka, ingest) {
        CHECK(ingest.topic == topic);
        group.join();
    }
    explicit Member(const std::string& topic)
        : Member(topic, kafka_of(shared_broker()), ingest_of(topic)) {}

    void on_assigned(std::span<const PartitionId> partitions) override {
        std::vector<Position> positions;
        for (const PartitionId partition : partitions) {
            owned.insert(partition);
            ++times_assigned[partition];
            positions.push_back({partition, next[partition]});
        }
        if (!answer) return;
        group.assign(positions);
        if (!open) return;
        for (const PartitionId partition : partitions) group.lane(0).open(partition);
    }
    void on_revoked(std::span<const PartitionId> partitions) override {
        for (const PartitionId partition : partitions) {
            owned.erase(partition);
            group.lane(0).close(partition);
        }
        group.unassign(partitions);
    }
    void on_record(const Record& record) override {
        Got& it = got.emplace_back();
        it.partition = record.partition;
        it.offset = record.offset;
        it.timestamp_ms = record.timestamp_ms;
        it.key = record.key;
        it.value = record.value;
        for (const Header& header : record.headers) {
            it.headers.emplace_back(header.name, header.value);
        }
        next[record.partition] = record.offset + 1;
    }
    void on_end(PartitionId partition, Offset at) override { ends[partition] = at; }
    void on_out_of_range(PartitionId partition) override { out_of_range.insert(partition); }

    void serve() {
        group.poll(*this, 5ms);
        group.lane(0).poll(*this, 5ms);
    }
    void until(const std::function<bool()>& state, const std::string& what) {
        wait_until(
            [&] {
                serve();
                return state();
            },
            patient(30s), what);
    }
    void until_owning(std::size_t count) {
        until([&] { return owned.size() == count; }, std::to_string(count) + " partitions");
    }
    Strings values() const {
        Strings all;
        for (const Got& it : got) all.push_back(it.value.value_or("NULL"));
        return all;
    }

    bool answer = true;
    bool open = true;
    std::map<PartitionId, Offset> next;
    std::set<PartitionId> owned;
    std::map<PartitionId, int> times_assigned;
    std::vector<Got> got;
    std::map<PartitionId, Offset> ends;
    std::set<PartitionId> out_of_range;
    GroupMember group;
};

/// A fresh topic with `count` records "0", "1", … in each partition.
void make_topic(const std::string& topic, int partitions, int count) {
    shared_broker().admin().create_topic(topic, partitions);
    KafkaProducer producer(shared_broker().client());
    for (int p = 0; p < partitions; ++p) {
        for (int i = 0; i < count; ++i) producer.produce(topic, p, std::to_string(i));
    }
    producer.flush();
}

void append(const std::string& topic, int partition, const Strings& values) {
    KafkaProducer producer(shared_broker().client());
    for (const std::string& value : values) producer.produce(topic, partition, value);
    producer.flush();
}

std::chrono::milliseconds since(Clock::time_point began) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
}

}  // namespace

TEST_CASE("member: records arrive in order, with all that belongs to them") {
    shared_broker().admin().create_topic("whole", 1);
    KafkaProducer producer(shared_broker().client());
    producer.produce({.topic = "whole",
                      .partition = 0,
                      .key = "k",
                      .value = "v",
                      .headers = {{"a", "1"}, {"none", std::nullopt}, {"a", ""}},
                      .timestamp_ms = 1'700'000'000'123});
    producer.produce({.topic = "whole", .partition = 0, .key = "", .value = std::nullopt});
    producer.produce({.topic = "whole", .partition = 0, .value = ""});
    producer.flush();

    Member member("whole");
    member.until([&] { return member.ends.contains(0); }, "the end");
    REQUIRE(member.got.size() == 3);
    CHECK(member.ends[0] == 3);
    const Got& first = member.got[0];
    CHECK(first.offset == 0);
    CHECK(first.timestamp_ms == 1'700'000'000'123);
    CHECK(first.key == "k");
    CHECK(first.value == "v");
    REQUIRE(first.headers.size() == 3);
    CHECK(first.headers[0] == std::pair<std::string, std::optional<std::string>>{"a", "1"});
    CHECK(first.headers[1].second == std::nullopt);
    CHECK(first.headers[2].second == "");
    CHECK(member.got[1].value == std::nullopt);
    CHECK(member.got[1].key == "");
    CHECK(member.got[2].key == std::nullopt);
    CHECK(member.got[2].value == "");
}

TEST_CASE("member: nothing arrives before a partition is opened, nor after it was closed") {
    make_topic("closed", 2, 5);
    Member member("closed");
    member.open = false;
    member.until_owning(2);
    member.group.lane(0).open(1);
    member.until([&] { return member.ends.contains(1); }, "the end of partition 1");
    CHECK(std::ranges::all_of(member.got, [](const Got& it) { return it.partition == 1; }));
    CHECK_FALSE(member.ends.contains(0));
    member.group.lane(0).close(1);
    append("closed", 1, {"5"});
    member.group.lane(0).open(0);
    append("closed", 0, {"5"});
    member.until([&] { return member.ends[0] == 6; }, "the end of partition 0");
    CHECK(member.got.size() == 5 + 6);
    member.group.lane(0).open(1);
    member.until([&] { return member.ends[1] == 6; }, "what came while it was closed");
}

TEST_CASE("member: a seek drops what was fetched before it") {
    make_topic("sought", 1, 50);
    Member member("sought");
    member.until([&] { return member.ends[0] == 50; }, "the end");
    for (int round = 0; round < 20; ++round) {
        member.group.lane(0).close(0);
        append("sought", 0, {"x"});
        member.group.seek({{{0, 10}}});
        member.got.clear();
        member.ends.clear();
        member.group.lane(0).open(0);
        member.until([&] { return member.ends.contains(0); }, "the end");
        REQUIRE_FALSE(member.got.empty());
        CHECK(member.got.front().offset == 10);
        CHECK(member.got.size() == static_cast<std::size_t>(50 + round + 1 - 10));
    }
}

TEST_CASE("member: may leave at any moment of joining") {
    shared_broker().admin().create_topic("brief", 2);
    // Each one is served a little longer than the one before, until one got as far as its
    // partitions.
    for (auto time = 0ms;; time += 2ms) {
        Member member("brief");
        const auto end = Clock::now() + time;
        while (Clock::now() < end && member.owned.empty()) member.group.poll(member, 1ms);
        if (!member.owned.empty()) break;
        REQUIRE(time < patient(10s));
    }
}

TEST_CASE("member: offsets resolve for earliest, latest and a time") {
    shared_broker().admin().create_topic("times", 2);
    KafkaProducer producer(shared_broker().client());
    for (int i = 0; i < 10; ++i) {
        producer.produce({.topic = "times",
                          .partition = 0,
                          .value = "v",
                          .timestamp_ms = 1'700'000'000'000 + i * 1000});
    }
    producer.flush();
    shared_broker().admin().delete_records("times", 0, 2);
    Member member("times");
    using Kind = config::Start::Kind;
    const auto resolve = [&](Kind kind, std::int64_t time = 0) {
        auto found = member.group.resolve({kind, time}, Partitions{0, 1});
        std::ranges::sort(found, {}, &Position::partition);
        return found;
    };
    CHECK(resolve(Kind::earliest) == std::vector<Position>{{0, 2}, {1, 0}});
    CHECK(resolve(Kind::latest) == std::vector<Position>{{0, 10}, {1, 0}});
    CHECK(resolve(Kind::time, 1'700'000'004'500) == std::vector<Position>{{0, 5}, {1, 0}});
    CHECK(resolve(Kind::time, 1'900'000'000'000) == std::vector<Position>{{0, 10}, {1, 0}});
    CHECK(member.group.available(0) == OffsetRange{2, 10});
    CHECK(member.group.partitions() == Partitions{0, 1});
    CHECK(member.group.cluster_id() == shared_broker().admin().cluster_id());
}

TEST_CASE("member: a topic that does not exist is named, with what to do") {
    Member member("nowhere");
    CHECK_THROWS_WITH_AS(static_cast<void>(member.group.partitions()),
                         doctest::Contains("there is no topic \"nowhere\""), TroubleOfTheWorld);
}

TEST_CASE("member: of transactions only what was committed arrives, the end lies behind markers") {
    shared_broker().admin().create_topic("transactions", 1);
    KafkaProperties properties = shared_broker().client();
    properties["transactional.id"] = "member";
    KafkaProducer producer(properties);
    producer.begin();
    producer.produce("transactions", 0, "aborted");
    producer.abort();
    producer.begin();
    producer.produce("transactions", 0, "committed");
    producer.commit();
    producer.begin();
    producer.produce("transactions", 0, "aborted too");
    producer.abort();
    Member member("transactions");
    member.until([&] { return member.ends[0] == 6; }, "the end behind the last marker");
    CHECK(member.values() == Strings{"committed"});
    CHECK(member.got[0].offset == 2);

    // An open transaction is not read yet, and what comes after it neither.
    producer.begin();
    producer.produce("transactions", 0, "open");
    producer.flush();
    append("transactions", 0, {"after"});
    CHECK(member.group.available(0) == OffsetRange{0, 6});
    CHECK(member.group.resolve({config::Start::Kind::latest, 0}, Partitions{0}) ==
          std::vector<Position>{{0, 6}});
    producer.commit();
    member.until([&] { return member.ends[0] == 9; }, "the rest");
    CHECK(member.values() == Strings{"committed", "open", "after"});
}

TEST_CASE("member: every compression is read") {
    shared_broker().admin().create_topic("compressed", 1);
    Strings expected;
    for (const char* codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
        KafkaProperties properties = shared_broker().client();
        properties["compression.type"] = codec;
        KafkaProducer producer(properties);
        for (int i = 0; i < 100; ++i) {
            expected.push_back(std::string(codec) + std::to_string(i) + std::string(100, 'x'));
            producer.produce("compressed", 0, expected.back());
        }
        producer.flush();
    }
    Member member("compressed");
    member.until([&] { return member.ends[0] == 500; }, "the end");
    CHECK(member.values() == expected);
}

TEST_CASE("member: a second member takes some partitions, the others are not disturbed") {
    make_topic("shared", 4, 10);
    Member one("shared");
    one.until_owning(4);
    one.until([&] { return one.got.size() == 40; }, "all records");
    auto two = std::make_unique<Member>("shared");
    one.until(
        [&] {
            two->serve();
            return one.owned.size() == 2 && two->owned.size() == 2;
        },
        "two partitions each");
    for (const PartitionId kept : one.owned) CHECK(one.times_assigned[kept] == 1);
    for (PartitionId p = 0; p < 4; ++p) append("shared", p, {"more"});
    one.until(
        [&] {
            two->serve();
            return one.got.size() == 42 && two->got.size() == 22;
        },
        "the new records");
    two.reset();
    one.until_owning(4);
}

TEST_CASE("member: new partitions are picked up while running") {
    make_topic("growing", 1, 3);
    config::Kafka kafka = kafka_of(shared_broker());
    kafka.properties["topic.metadata.refresh.interval.ms"] = {"500", false};
    Member member("growing", kafka, ingest_of("growing"));
    member.until_owning(1);
    shared_broker().admin().add_partitions("growing", 3);
    append("growing", 2, {"new"});
    member.until_owning(3);
    member.until([&] { return member.got.size() == 4; }, "all records");
    CHECK(member.times_assigned[0] == 1);
}

TEST_CASE("member: a position outside of the partition is told, and left by a seek") {
    make_topic("outside", 1, 10);
    shared_broker().admin().delete_records("outside", 0, 5);
    for (const Offset position : {Offset{2}, Offset{99}}) {
        CAPTURE(position);
        Member member("outside");
        member.next[0] = position;
        member.until([&] { return member.out_of_range.contains(0); }, "out of range");
        CHECK(member.got.empty());
        member.group.lane(0).close(0);
        member.group.seek({{{0, 5}}});
        member.group.lane(0).open(0);
        member.until([&] { return member.ends.contains(0); }, "the end");
        CHECK(member.values() == Strings{"5", "6", "7", "8", "9"});
    }
}

TEST_CASE("member: with the same instance a second one takes over at once") {
    make_topic("static", 2, 3);
    config::Kafka kafka = kafka_of(shared_broker());
    kafka.instance = "host-1";
    auto one = std::make_unique<Member>("static", kafka, ingest_of("static"));
    one->until_owning(2);
    SUBCASE("while the first is still there, which is then told") {
        Member two("static", kafka, ingest_of("static"));
        const auto began = Clock::now();
        two.until_owning(2);
        CHECK(since(began) < 10s);
        CHECK_THROWS_AS(one->until([] { return false; }, "to be fenced"), TroubleOfTheWorld);
        two.until([&] { return two.got.size() == 6; }, "all records");
    }
    SUBCASE("after the first has left") {
        one.reset();
        Member two("static", kafka, ingest_of("static"));
        const auto began = Clock::now();
        two.until_owning(2);
        CHECK(since(began) < 10s);
    }
}

TEST_CASE("member: leaves quickly, whatever it is doing") {
    make_topic("leaving", 2, 100);
    config::Ingest ingest = ingest_of("leaving");
    auto member = std::make_unique<Member>("leaving", kafka_of(shared_broker()), ingest);
    SUBCASE("before it joined") {}
    SUBCASE("while its assignment is not answered") {
        member->answer = false;
        member->until_owning(2);
    }
    SUBCASE("while it reads") {
        member->until([&] { return member->got.size() > 10; }, "records");
    }
    SUBCASE("while the broker's thread is throttled") {
        append("leaving", 0, Strings(500, std::string(20'000, 'x')));
        ingest.memory = ingest.batch.bytes + (1u << 20);
        member = std::make_unique<Member>("leaving", kafka_of(shared_broker()), ingest);
        member->until_owning(2);
        const auto full = Clock::now() + 1s;
        wait_until(
            [&] {
                member->group.poll(*member, 5ms);
                return Clock::now() > full;
            },
            10s, "the queues to fill");
    }
    const auto began = Clock::now();
    member.reset();
    CHECK(since(began) < patient(5s));
}

TEST_CASE("member: wake ends the waiting, of the group and of a lane, also before it begins") {
    make_topic("woken", 1, 0);
    Member member("woken");
    member.until([&] { return member.ends.contains(0); }, "the end");
    for (int round = 0; round < 5; ++round) {
        auto began = Clock::now();
        member.group.wake();
        member.group.poll(member, 20s);
        member.group.lane(0).wake();
        member.group.lane(0).poll(member, 20s);
        CHECK(since(began) < 10s);
        began = Clock::now();
        std::thread waker([&] {
            std::this_thread::sleep_for(20ms);
            member.group.lane(0).wake();
        });
        member.group.lane(0).poll(member, 20s);
        waker.join();
        CHECK(since(began) < 10s);
    }
}

TEST_CASE("member: a million small records, with little memory and no stall") {
    constexpr int partitions = 4;
    constexpr std::size_t total = 1'000'000;
    shared_broker().admin().create_topic("million", partitions);
    {
        KafkaProperties properties = shared_broker().client();
        properties["linger.ms"] = "20";
        properties["batch.num.messages"] = "10000";
        KafkaProducer producer(properties);
        const std::string value(140, 'v');
        for (std::size_t i = 0; i < total; ++i) {
            producer.produce("million", static_cast<int>(i % partitions), value);
        }
        producer.flush();
    }
    struct Counter : RecordVisitor {
        void on_record(const Record&) override { ++records; }
        void on_end(PartitionId, Offset) override {}
        void on_out_of_range(PartitionId) override {}
        std::size_t records = 0;
    } counter;
    Member member("million");
    member.open = false;
    member.until_owning(partitions);
    const auto began = Clock::now();
    auto last = began;
    std::chrono::milliseconds longest{0};
    for (PartitionId p = 0; p < partitions; ++p) member.group.lane(0).open(p);
    while (counter.records < total && since(began) < patient(60s)) {
        const std::size_t before = counter.records;
        member.group.lane(0).poll(counter, 10ms);
        if (counter.records == before) continue;
        longest = std::max(longest, since(last));
        last = Clock::now();
    }
    CHECK(counter.records == total);
    const auto took = since(began);
    MESSAGE("1,000,000 records in " << took.count() << " ms, longest pause " << longest.count()
                                    << " ms");
}
