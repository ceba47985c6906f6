#include "kafka/lane_queue.h"

#include "kafka/message.h"
#include "kafka/topic.h"

namespace sluice::kafka {

QueueHandle cut_off(rd_kafka_t& client, const TopicPartition& partition) {
    QueueHandle queue{
        rd_kafka_queue_get_partition(&client, partition.topic.c_str(), partition.number)};
    if (queue) rd_kafka_queue_forward(queue.get(), nullptr);
    return queue;
}

LaneQueue::LaneQueue(rd_kafka_t& client, PartitionTable& partitions, FetchThrottle& throttle)
    : client_(client),
      partitions_(partitions),
      throttle_(throttle),
      queue_(QueueHandle{rd_kafka_queue_new(&client)}, throttle.total()),
      messages_(messages_per_poll) {
    throttle_.add_queue(queue_);
}

void LaneQueue::open(PartitionId partition) {
    const std::unique_ptr<WeighedQueue> held = throttle_.let_go(partition);
    if (!held) return;
    const TopicPartition& opened = partitions_[partition];
    queue_.take_over(*held, [&](const rd_kafka_message_t& message) {
        return message.partition == opened.number && message.rkt != nullptr &&
               rd_kafka_topic_name(message.rkt) == opened.topic;
    });
}

// What already lies in our queue is dropped by librdkafka when the partition is unassigned or
// seeks, and ignored by the lane until then.
void LaneQueue::close(PartitionId partition) {
    if (QueueHandle queue = cut_off(client_, partitions_[partition]))
        throttle_.take_back(partition, std::move(queue));
}

std::chrono::nanoseconds LaneQueue::poll(std::chrono::milliseconds timeout) {
    drop();
    throttle_.tell_waiting();
    // rd_kafka_consume_batch_queue() waits until the array is full or the time is up, even when
    // some messages are there (librdkafka 2.0.2). So: take what is there; wait for one if nothing.
    end_ = queue_.take(messages_);
    if (end_ > 0) return {};
    // That call may have used up the yield that was meant to end this one.
    if (woken_.exchange(false)) timeout = {};
    const auto began = std::chrono::steady_clock::now();
    messages_[0] = queue_.wait(timeout);
    end_ = messages_[0] != nullptr ? 1 : 0;
    return std::chrono::steady_clock::now() - began;
}

const Arrival* LaneQueue::next() {
    for (;;) {
        give_back_current();
        if (next_ == end_) return nullptr;
        current_.reset(messages_[next_++]);
        fetch_ahead();
        if (current_->rkt == nullptr || current_->partition < 0) continue;  // of no partition
        fill_arrival();
        return &arrival_;
    }
}

// Another thread has written them long ago, so none is in this processor's cache.
void LaneQueue::fetch_ahead() {
    constexpr std::size_t messages = 6;  // a record takes about as long as memory does
    constexpr std::size_t values = 3;
    if (next_ + messages < end_) prefetch(messages_[next_ + messages]);
    if (next_ + values < end_) prefetch_value(*messages_[next_ + values]);
}

void LaneQueue::give_back_current() {
    if (!current_) return;
    throttle_.on_done(*current_);
    current_.reset();
}

void LaneQueue::drop() {
    give_back_current();
    while (next_ < end_) {
        current_.reset(messages_[next_++]);
        give_back_current();
    }
    next_ = end_ = 0;
    topic_ = nullptr;
}

const TopicPartition& LaneQueue::named(const rd_kafka_message_t& message) {
    if (message.rkt != topic_) {
        topic_ = message.rkt;
        of_topic_ = &known_[rd_kafka_topic_name(message.rkt)];
    }
    const auto number = static_cast<std::size_t>(message.partition);
    if (number >= of_topic_->size()) of_topic_->resize(number + 1);
    const TopicPartition*& found = (*of_topic_)[number];
    if (found == nullptr)
        found = &partitions_.of(rd_kafka_topic_name(message.rkt), message.partition);
    return *found;
}

inline void LaneQueue::fill_arrival() {
    const TopicPartition& from = named(*current_);
    using Kind = Arrival::Kind;
    if (current_->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        arrival_.kind = Kind::record;
        read_record(*current_, from, headers_, arrival_.record);
        return;
    }
    arrival_.record = {
        .from = &from, .offset = current_->offset, .key = {}, .value = {}, .headers = {}};
    switch (current_->err) {
        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
            arrival_.kind = Kind::end;
            return;
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
            arrival_.kind = Kind::out_of_range;
            return;
        default:
            // librdkafka goes on by itself: lost brokers, moved leaders, missing authorisation.
            arrival_.kind = Kind::trouble;
            arrival_.trouble = std::string("kafka: ") + rd_kafka_message_errstr(current_.get());
    }
}

void LaneQueue::wake() {
    woken_ = true;
    queue_.yield();
}

void LaneQueue::report_committed(std::span<const Position> positions) {
    const PartitionList list = make_list(partitions_, positions);
    rd_kafka_offsets_store(&client_, list.get());
}

}  // namespace sluice::kafka
