#include "kafka/weighed_queue.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace sluice::kafka {

WeighedQueue::WeighedQueue(QueueHandle queue, std::atomic<std::size_t>& total)
    : queue_(std::move(queue)), total_(total) {}

WeighedQueue::~WeighedQueue() {
    drop();
}

void WeighedQueue::weigh() {
    const std::lock_guard lock{mutex_};
    if (waited_for_) return;
    std::array<rd_kafka_message_t*, 256> some{};
    ssize_t count = 0;
    do {
        count = rd_kafka_consume_batch_queue(queue_.get(), 0, some.data(), some.size());
        for (ssize_t i = 0; i < count; ++i) {
            total_ += weight_of(*some[static_cast<std::size_t>(i)]);
            weighed_.push_back(some[static_cast<std::size_t>(i)]);
        }
    } while (count == static_cast<ssize_t>(some.size()));
}

std::size_t WeighedQueue::take(std::span<rd_kafka_message_t*> to) {
    const std::lock_guard lock{mutex_};
    if (!weighed_.empty()) {
        const std::size_t count = std::min(to.size(), weighed_.size());
        const auto end = weighed_.begin() + static_cast<std::ptrdiff_t>(count);
        std::copy(weighed_.begin(), end, to.begin());
        weighed_.erase(weighed_.begin(), end);
        return count;
    }
    const auto count = static_cast<std::size_t>(
        std::max<ssize_t>(rd_kafka_consume_batch_queue(queue_.get(), 0, to.data(), to.size()), 0));
    std::size_t bytes = 0;
    for (const rd_kafka_message_t* const message : to.first(count)) bytes += weight_of(*message);
    total_ += bytes;
    waited_for_ = count == 0;
    return count;
}

rd_kafka_message_t* WeighedQueue::wait(std::chrono::milliseconds timeout) {
    rd_kafka_message_t* const message =
        rd_kafka_consume_queue(queue_.get(), static_cast<int>(timeout.count()));
    if (message != nullptr) total_ += weight_of(*message);
    const std::lock_guard lock{mutex_};
    waited_for_ = false;
    return message;
}

void WeighedQueue::yield() {
    rd_kafka_queue_yield(queue_.get());
}

void WeighedQueue::take_over(WeighedQueue& partition, const IsOfPartition& is_of_it) {
    const std::scoped_lock lock{mutex_, partition.mutex_};
    std::erase_if(weighed_, [&](rd_kafka_message_t* message) {
        if (!is_of_it(*message)) return false;
        give_back(message);
        return true;
    });
    std::ranges::copy(partition.weighed_, std::back_inserter(weighed_));
    partition.weighed_.clear();
    rd_kafka_queue_forward(partition.queue_.get(), queue_.get());
}

void WeighedQueue::drop() {
    const std::lock_guard lock{mutex_};
    for (rd_kafka_message_t* const message : weighed_) give_back(message);
    weighed_.clear();
}

void WeighedQueue::give_back(rd_kafka_message_t* message) {
    total_ -= weight_of(*message);
    rd_kafka_message_destroy(message);
}

std::size_t WeighedQueue::messages() const {
    const std::lock_guard lock{mutex_};
    return weighed_.size() + rd_kafka_queue_length(queue_.get());
}

}  // namespace sluice::kafka
