#include "kafka/fetch_throttle.h"

namespace sluice::kafka {
namespace {
constexpr std::int16_t fetch_api_key = 1;  // kafka.apache.org/protocol: "The Messages"
constexpr auto interceptor_name = "sluice.fetch_throttle";
}  // namespace

void FetchThrottle::attach_to(rd_kafka_conf_t& conf) {
    rd_kafka_conf_interceptor_add_on_new(&conf, interceptor_name, on_new, this);
}

rd_kafka_resp_err_t FetchThrottle::on_new(rd_kafka_t* client, const rd_kafka_conf_t* /*conf*/,
                                          void* self, char* /*error*/, std::size_t /*error_size*/) {
    return rd_kafka_interceptor_add_on_response_received(client, interceptor_name, on_response,
                                                         self);
}

rd_kafka_resp_err_t FetchThrottle::on_response(rd_kafka_t* /*client*/, int /*socket*/,
                                               const char* /*broker*/, std::int32_t /*broker_id*/,
                                               std::int16_t api_key, std::int16_t /*api_version*/,
                                               std::int32_t /*correlation_id*/,
                                               std::size_t /*size*/, std::int64_t /*round_trip*/,
                                               rd_kafka_resp_err_t /*error*/, void* self) {
    if (api_key != fetch_api_key) return RD_KAFKA_RESP_ERR_NO_ERROR;
    static_cast<FetchThrottle*>(self)->wait_for_room();
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void FetchThrottle::wait_for_room() {
    std::unique_lock lock{mutex_};
    const auto below = [this](std::size_t budgets) {
        return [this, budgets] { return released_ || queued_bytes() < budgets * budget_bytes_; };
    };
    if (below(1)()) return;
    const auto began = std::chrono::steady_clock::now();
    if (!room_.wait_for(lock, patience, below(1))) room_.wait(lock, below(2));
    waited_ += std::chrono::steady_clock::now() - began;
}

void FetchThrottle::hold(PartitionId partition, QueueHandle queue) {
    const std::lock_guard lock{mutex_};
    held_[partition] = std::move(queue);
}

void FetchThrottle::forget(PartitionId partition) {
    const std::lock_guard lock{mutex_};
    held_.erase(partition);
    room_.notify_all();
}

FetchThrottle::Held FetchThrottle::held() const {
    const std::lock_guard lock{mutex_};
    return {.messages = queued_messages(), .bytes = queued_bytes(), .waited = waited_};
}

std::size_t FetchThrottle::queued_messages() const {
    std::size_t messages = 0;
    for (rd_kafka_queue_t* const queue : queues_) messages += rd_kafka_queue_length(queue);
    for (const auto& [partition, queue] : held_) messages += rd_kafka_queue_length(queue.get());
    return messages;
}

std::size_t FetchThrottle::queued_bytes() const {
    return queued_messages() *
               (mean_message_bytes_.load(std::memory_order_relaxed) + overhead_per_message) +
           taken_bytes_.load(std::memory_order_relaxed);
}

void FetchThrottle::on_taken(std::size_t messages, std::size_t bytes) {
    if (messages > 0) {
        taken_bytes_.fetch_add(bytes + messages * overhead_per_message, std::memory_order_relaxed);
        const std::size_t mean = mean_message_bytes_.load(std::memory_order_relaxed);
        const std::size_t seen = bytes / messages;
        mean_message_bytes_.store(mean == 0 ? seen : (mean * 7 + seen) / 8,
                                  std::memory_order_relaxed);
    }
}

void FetchThrottle::set_budget(std::size_t bytes) {
    budget_bytes_ = bytes;
    tell_waiting();
}

void FetchThrottle::tell_waiting() {
    // A thread that has just seen full queues must be waiting when it is told.
    { const std::lock_guard lock{mutex_}; }
    room_.notify_all();
}

void FetchThrottle::release() {
    const std::lock_guard lock{mutex_};
    released_ = true;
    held_.clear();
    room_.notify_all();
}

}  // namespace sluice::kafka
