#include "kafka/fetch_throttle.h"

#include <utility>

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

void FetchThrottle::weigh() {
    const std::lock_guard lock{weighing_};
    for (WeighedQueue* const queue : queues_) queue->weigh();
    for (const auto& [partition, queue] : held_) queue->weigh();
}

void FetchThrottle::wait_for_room() {
    weigh();
    std::unique_lock lock{mutex_};
    const auto below = [this](std::size_t quarters) {
        return [this, quarters] { return released_ || held_bytes_ < budget_bytes_ / 4 * quarters; };
    };
    if (below(3)()) return;
    const auto began = std::chrono::steady_clock::now();
    ++waiting_;
    if (!room_.wait_for(lock, patience, below(3))) room_.wait(lock, below(4));
    --waiting_;
    waited_ += std::chrono::steady_clock::now() - began;
}

void FetchThrottle::hold(PartitionId partition, QueueHandle queue) {
    const std::lock_guard lock{weighing_};
    held_[partition] = std::make_unique<WeighedQueue>(std::move(queue), held_bytes_);
}

void FetchThrottle::take_back(PartitionId partition, QueueHandle queue) {
    const std::lock_guard lock{weighing_};
    if (!held_.contains(partition))
        held_[partition] = std::make_unique<WeighedQueue>(std::move(queue), held_bytes_);
}

std::unique_ptr<WeighedQueue> FetchThrottle::let_go(PartitionId partition) {
    const std::lock_guard lock{weighing_};
    const auto node = held_.extract(partition);
    return node.empty() ? nullptr : std::move(node.mapped());
}

void FetchThrottle::drop(std::span<const PartitionId> partitions,
                         const std::function<void()>& outdate) {
    {
        const std::lock_guard lock{weighing_};
        for (const PartitionId partition : partitions) {
            const auto held = held_.find(partition);
            if (held != held_.end()) held->second->drop();
        }
        outdate();
    }
    tell_waiting();
}

FetchThrottle::Held FetchThrottle::held() {
    weigh();
    Held held{.bytes = held_bytes_};
    {
        const std::lock_guard lock{weighing_};
        for (const WeighedQueue* const queue : queues_) held.messages += queue->messages();
        for (const auto& [partition, queue] : held_) held.messages += queue->messages();
    }
    const std::lock_guard lock{mutex_};
    held.waited = waited_;
    held.waits = waiting_ > 0;
    return held;
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
    {
        const std::lock_guard lock{weighing_};
        for (WeighedQueue* const queue : std::exchange(queues_, {})) queue->drop();
        held_.clear();
    }
    const std::lock_guard lock{mutex_};
    released_ = true;
    room_.notify_all();
}

}  // namespace sluice::kafka
