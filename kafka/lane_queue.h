#pragma once

#include "kafka/fetch_throttle.h"
#include "kafka/handles.h"
#include "pipeline/ingest/ports.h"

#include <atomic>
#include <map>
#include <string>
#include <vector>

namespace sluice::kafka {

/// The partition's own queue, whose records flow nowhere from here on: librdkafka would forward
/// them into the group's, unless the application has decided where they go. Null: there is none.
[[nodiscard]] QueueHandle cut_off(rd_kafka_t& client, const std::string& topic,
                                  PartitionId partition);

/// The records of the partitions that one lane serves: librdkafka forwards the queues of all open
/// partitions into this one. Used by the lane's thread, save wake(). Must not outlive the member.
class LaneQueue : public RecordSource {
public:
    LaneQueue(rd_kafka_t& client, std::string topic, FetchThrottle& throttle);

    void open(PartitionId partition) override;
    void close(PartitionId partition) override;
    Polled poll(RecordVisitor& visitor, std::chrono::milliseconds timeout) override;
    void wake() override;
    void report_committed(std::span<const Position> positions) override;

private:
    static constexpr std::size_t messages_per_poll = 1000;

    void visit(const rd_kafka_message_t& message, RecordVisitor& visitor);
    void visit_error(const rd_kafka_message_t& message, RecordVisitor& visitor) const;

    rd_kafka_t& client_;
    const std::string topic_;
    FetchThrottle& throttle_;
    WeighedQueue queue_;
    std::atomic<bool> woken_ = false;
    std::vector<rd_kafka_message_t*> messages_;
    std::vector<Header> headers_;  // of the record being visited
};

}  // namespace sluice::kafka
