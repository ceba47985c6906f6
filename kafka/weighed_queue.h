#pragma once

#include "kafka/handles.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <span>

namespace sluice::kafka {

/// What librdkafka holds for a message: beside its key and value, rd_kafka_op_t and its malloc.
[[nodiscard]] inline std::size_t weight_of(const rd_kafka_message_t& message) {
    constexpr std::size_t overhead = 400;
    return message.len + message.key_len + overhead;
}

/// A queue of librdkafka's, and the messages that were taken out of it to be weighed: the queue
/// itself can only be asked for their number. `total` counts what is weighed, and what was taken
/// until its taker subtracts it. Thread-safe; one thread takes.
class WeighedQueue {
public:
    WeighedQueue(QueueHandle queue, std::atomic<std::size_t>& total);
    ~WeighedQueue();
    WeighedQueue(const WeighedQueue&) = delete;
    WeighedQueue& operator=(const WeighedQueue&) = delete;

    /// Takes out all that is there, unless the taker waits for it.
    void weigh();
    /// What is there now. Where that is nothing, wait() must follow.
    [[nodiscard]] std::size_t take(std::span<rd_kafka_message_t*> to);
    /// Waits for one message; nullptr: the time is up, or yield() was called.
    [[nodiscard]] rd_kafka_message_t* wait(std::chrono::milliseconds timeout);
    void yield();
    using IsOfPartition = std::function<bool(const rd_kafka_message_t&)>;
    /// From here on a partition's messages come here: first those that its own queue holds. What
    /// is here of it already was fetched before a seek, or another assignment, and is given back.
    void take_over(WeighedQueue& partition, const IsOfPartition& is_of_it);
    /// Gives all back that was weighed.
    void drop();
    [[nodiscard]] std::size_t messages() const;

private:
    void give_back(rd_kafka_message_t* message);

    const QueueHandle queue_;
    std::atomic<std::size_t>& total_;
    mutable std::mutex mutex_;  // guards what follows
    std::deque<rd_kafka_message_t*> weighed_;
    bool waited_for_ = false;
};

}  // namespace sluice::kafka
