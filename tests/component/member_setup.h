#pragma once

#include "kafka/group_member.h"
#include "pipeline/errors.h"
#include "tests/fakes/partitions.h"
#include "tests/fixture/kafka_broker.h"
#include "tests/fixture/kafka_producer.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace sluice::member_test {

using namespace fixture;
using namespace std::chrono_literals;
using kafka::GroupMember;

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

inline config::Ingest ingest_of(const std::string& topic) {
    config::Ingest ingest;
    ingest.name = topic;
    ingest.topic = topic;
    ingest.group = "sluice." + topic;
    ingest.lanes = 1;
    ingest.memory = 32u << 20;
    return ingest;
}

inline config::Kafka kafka_of(const KafkaBroker& broker) {
    config::Kafka kafka;
    kafka.brokers.text = broker.bootstrap();
    return kafka;
}

/// Sees what a lane's source brings.
class RecordVisitor {
public:
    virtual ~RecordVisitor() = default;
    virtual void on_record(const Record& record) = 0;
    virtual void on_end(PartitionId /*partition*/, Offset /*next*/) {}
    virtual void on_out_of_range(PartitionId /*partition*/) {}

    /// How long it was waited for.
    inline std::chrono::nanoseconds take_from(RecordSource& source,
                                              std::chrono::milliseconds timeout) {
        const auto waited = source.poll(timeout);
        while (const Arrival* const arrival = source.next()) {
            const Record& record = arrival->record;
            if (arrival->kind == Arrival::Kind::record) on_record(record);
            if (arrival->kind == Arrival::Kind::end) on_end(record.from->id, record.offset);
            if (arrival->kind == Arrival::Kind::out_of_range) on_out_of_range(record.from->id);
        }
        return waited;
    }
};

/// A member with one lane, both served by the test's thread: takes what it is assigned.
class Member : public GroupListener, public RecordVisitor {
public:
    /// Ids of a topic's partitions are their numbers; of another one's, a hundred more.
    inline explicit Member(const config::Topics& topics, const config::Kafka& kafka,
                           const config::Ingest& ingest)
        : group(kafka, ingest, partitions, [this](const GroupStatistics& told) {
              fetched_bytes.push_back(told.fetched_bytes);
          }) {
        CHECK(ingest.topic == topics);
        for (const std::string& topic : topics.names) fakes::add_partitions(partitions, topic);
        group.join();
    }
    explicit Member(const std::string& topic)
        : Member(topic, kafka_of(shared_broker()), ingest_of(topic)) {}

    void on_assigned(std::span<const PartitionId> ids) override {
        std::vector<Position> positions;
        for (const PartitionId partition : ids) {
            owned.insert(partition);
            ++times_assigned[partition];
            positions.push_back({partition, next[partition]});
        }
        if (!answer) return;
        group.assign(positions);
        if (!open) return;
        for (const PartitionId partition : ids) group.lane(0).open(partition);
    }
    void on_lost_sight(const std::string& /*topic*/) override {}
    inline void on_revoked(std::span<const PartitionId> ids) override {
        for (const PartitionId partition : ids) {
            owned.erase(partition);
            group.lane(0).close(partition);
        }
        group.unassign(ids);
    }
    void on_record(const Record& record) override {
        Got& it = got.emplace_back();
        it.partition = record.from->id;
        it.offset = record.offset;
        it.timestamp_ms = record.timestamp_ms;
        it.key = record.key;
        it.value = record.value;
        for (const Header& header : record.headers) {
            it.headers.emplace_back(header.name, header.value);
        }
        next[record.from->id] = record.offset + 1;
    }
    void on_end(PartitionId partition, Offset at) override { ends[partition] = at; }
    void on_out_of_range(PartitionId partition) override { out_of_range.insert(partition); }

    inline void serve() {
        group.poll(*this, 5ms);
        take_from(group.lane(0), 5ms);
    }
    inline void until(const std::function<bool()>& state, const std::string& what) {
        wait_until(
            [&] {
                serve();
                return state();
            },
            patient(30s), what);
    }
    inline void until_owning(std::size_t count) {
        until([&] { return owned.size() == count; }, std::to_string(count) + " partitions");
    }
    inline Strings values() const {
        Strings all;
        for (const Got& it : got) all.push_back(it.value.value_or("NULL"));
        return all;
    }

    PartitionTable partitions;
    bool answer = true;
    bool open = true;
    std::map<PartitionId, Offset> next;
    std::set<PartitionId> owned;
    std::map<PartitionId, int> times_assigned;
    std::vector<Got> got;
    std::map<PartitionId, Offset> ends;
    std::set<PartitionId> out_of_range;
    std::vector<std::size_t> fetched_bytes;  ///< as the statistics told, one after the other
    GroupMember group;
};

/// A fresh topic with `count` records "0", "1", … in each partition.
inline void make_topic(const std::string& topic, int partitions, int count) {
    shared_broker().admin().create_topic(topic, partitions);
    KafkaProducer producer(shared_broker().client());
    for (int p = 0; p < partitions; ++p) {
        for (int i = 0; i < count; ++i) producer.produce(topic, p, std::to_string(i));
    }
    producer.flush();
}

inline void append(const std::string& topic, int partition, const Strings& values) {
    KafkaProducer producer(shared_broker().client());
    for (const std::string& value : values) producer.produce(topic, partition, value);
    producer.flush();
}

inline std::chrono::milliseconds since(Clock::time_point began) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
}

}  // namespace sluice::member_test
