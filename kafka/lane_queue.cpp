#include "kafka/lane_queue.h"

#include "kafka/message.h"
#include "kafka/topic.h"

namespace sluice::kafka {
namespace {

/// Gives back what a visitor that threw has not seen: librdkafka closes only when it has all back.
struct Taken {
    rd_kafka_message_t** next;
    rd_kafka_message_t** end;
    ~Taken() {
        for (; next != end; ++next) rd_kafka_message_destroy(*next);
    }
};

}  // namespace

QueueHandle cut_off(rd_kafka_t& client, const std::string& topic, PartitionId partition) {
    QueueHandle queue{rd_kafka_queue_get_partition(&client, topic.c_str(), partition)};
    if (queue) rd_kafka_queue_forward(queue.get(), nullptr);
    return queue;
}

LaneQueue::LaneQueue(rd_kafka_t& client, std::string topic, FetchThrottle& throttle)
    : client_(client),
      topic_(std::move(topic)),
      throttle_(throttle),
      queue_(QueueHandle{rd_kafka_queue_new(&client)}, throttle.total()),
      messages_(messages_per_poll) {
    throttle_.add_queue(queue_);
}

void LaneQueue::open(PartitionId partition) {
    const std::unique_ptr<WeighedQueue> held = throttle_.let_go(partition);
    if (!held) return;
    queue_.take_over(
        *held, [&](const rd_kafka_message_t& message) { return message.partition == partition; });
}

// What already lies in our queue is dropped by librdkafka when the partition is unassigned or
// seeks, and ignored by the lane until then.
void LaneQueue::close(PartitionId partition) {
    if (QueueHandle queue = cut_off(client_, topic_, partition))
        throttle_.take_back(partition, std::move(queue));
}

Polled LaneQueue::poll(RecordVisitor& visitor, std::chrono::milliseconds timeout) {
    throttle_.tell_waiting();  // the lane is done with what the poll before this one took
    // rd_kafka_consume_batch_queue() waits until the array is full or the time is up, even when
    // some messages are there (librdkafka 2.0.2). So: take what is there; wait for one if nothing.
    Polled polled;
    std::size_t count = queue_.take(messages_);
    if (count == 0) {
        // That call may have used up the yield that was meant to end this one.
        if (woken_.exchange(false)) timeout = {};
        const auto began = std::chrono::steady_clock::now();
        messages_[0] = queue_.wait(timeout);
        count = messages_[0] != nullptr ? 1 : 0;
        polled.waited = std::chrono::steady_clock::now() - began;
    }
    Taken taken{messages_.data(), messages_.data() + count};
    while (taken.next != taken.end) {
        const MessageHandle message{*taken.next++};
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            ++polled.records;
            polled.bytes += message->len + message->key_len;
        }
        visit(*message, visitor);
        throttle_.on_done(*message);
    }
    return polled;
}

void LaneQueue::visit(const rd_kafka_message_t& message, RecordVisitor& visitor) {
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) return visit_error(message, visitor);
    visitor.on_record(record_of(message, headers_));
}

void LaneQueue::visit_error(const rd_kafka_message_t& message, RecordVisitor& visitor) const {
    switch (message.err) {
        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
            return visitor.on_end(message.partition, message.offset);
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
            return visitor.on_out_of_range(message.partition);
        default:
            // librdkafka goes on by itself: lost brokers, moved leaders, missing authorisation.
            return visitor.on_trouble(message.partition,
                                      std::string("kafka: ") + rd_kafka_message_errstr(&message));
    }
}

void LaneQueue::wake() {
    woken_ = true;
    queue_.yield();
}

void LaneQueue::report_committed(std::span<const Position> positions) {
    const PartitionList list = make_list(topic_, positions);
    rd_kafka_offsets_store(&client_, list.get());
}

}  // namespace sluice::kafka
