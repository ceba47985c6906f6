#pragma once

#include "kafka/fetch_throttle.h"
#include "kafka/handles.h"
#include "pipeline/ingest/ports.h"
#include "pipeline/partition_table.h"

#include <atomic>
#include <map>
#include <string>
#include <vector>

namespace sluice::kafka {

/// The partition's own queue, whose records flow nowhere from here on: librdkafka would forward
/// them into the group's, unless the application has decided where they go. Null: there is none.
[[nodiscard]] QueueHandle cut_off(rd_kafka_t& client, const TopicPartition& partition);

/// The records of the partitions that one lane serves: librdkafka forwards the queues of all open
/// partitions into this one. Used by the lane's thread, save wake(). Must not outlive the member.
class LaneQueue : public RecordSource {
public:
    LaneQueue(rd_kafka_t& client, PartitionTable& partitions, FetchThrottle& throttle);
    ~LaneQueue() override { drop(); }
    LaneQueue(const LaneQueue&) = delete;
    LaneQueue& operator=(const LaneQueue&) = delete;

    void open(PartitionId partition) override;
    void close(PartitionId partition) override;
    std::chrono::nanoseconds poll(std::chrono::milliseconds timeout) override;
    const Arrival* next() override;
    void wake() override;
    void report_committed(std::span<const Position> positions) override;
    /// Gives back what the lane has not taken: a client closes only when it has all back.
    void drop();

private:
    static constexpr std::size_t messages_per_poll = 1000;

    void fetch_ahead();
    void fill_arrival();
    /// The lane is done with it.
    void give_back_current();
    /// Whose message it is.
    [[nodiscard]] const TopicPartition& named(const rd_kafka_message_t& message);

    rd_kafka_t& client_;
    PartitionTable& partitions_;
    FetchThrottle& throttle_;
    WeighedQueue queue_;
    std::atomic<bool> woken_ = false;
    std::vector<rd_kafka_message_t*> messages_;  // from next_ to end_: still to be taken
    std::size_t next_ = 0;
    std::size_t end_ = 0;
    MessageHandle current_;
    Arrival arrival_;                                    // what current_ is
    std::vector<Header> headers_;                        // its
    using OfTopic = std::vector<const TopicPartition*>;  // by number; null: not asked for yet
    std::map<std::string, OfTopic> known_;
    /// The latest message's. A handle is one topic's while messages of a poll are there.
    const rd_kafka_topic_t* topic_ = nullptr;
    OfTopic* of_topic_ = nullptr;
};

}  // namespace sluice::kafka
