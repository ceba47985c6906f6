#pragma once

#include "kafka/weighed_queue.h"
#include "pipeline/record.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace sluice::kafka {

/// Keeps what a consumer has fetched, and lanes are not done with, below a number of bytes.
///
/// librdkafka's own limits (queued.max.messages.kbytes, queued.min.messages) hold for each queue by
/// itself, and stop a partition for a full second, hard-coded in 2.0.2, each time they are reached:
/// right for a consumer that is stuck, ruinous for one that is merely slower than the network. So
/// those are set out of the way, and fetching is slowed down here: a broker's thread that brings
/// the answer to a Fetch weighs what lies in the queues, and waits until lanes have taken enough
/// out of them. Near the budget it waits for a bounded time, so that nothing else on its connection
/// times out (socket.timeout.ms is 60 s) while lanes are merely busy; at the budget for as long as
/// it takes. Heartbeats and commits are not held up: the group coordinator has a thread and a
/// connection of its own.
///
/// Must outlive the client. add_queue() before fetching begins; the rest is thread-safe.
class FetchThrottle {
public:
    explicit FetchThrottle(std::size_t budget_bytes) : budget_bytes_(budget_bytes) {}
    FetchThrottle(const FetchThrottle&) = delete;
    FetchThrottle& operator=(const FetchThrottle&) = delete;

    void attach_to(rd_kafka_conf_t& conf);
    void set_budget(std::size_t bytes);
    /// What all queues add up to; see WeighedQueue.
    [[nodiscard]] std::atomic<std::size_t>& total() { return held_bytes_; }
    /// A lane's; must live until release().
    void add_queue(WeighedQueue& queue) { queues_.push_back(&queue); }
    /// A partition's own queue, while it flows into no other, counts as well. What was held of the
    /// partition before is dropped.
    void hold(PartitionId partition, QueueHandle queue);
    /// From a lane that is done with it. What is held already is of a later assignment, and stays.
    void take_back(PartitionId partition, QueueHandle queue);
    /// For the lane that takes it over; nullptr: it is not held.
    [[nodiscard]] std::unique_ptr<WeighedQueue> let_go(PartitionId partition);
    /// `outdate` makes what librdkafka has fetched of these partitions invalid; what is held of
    /// them is dropped at the same moment.
    void drop(std::span<const PartitionId> partitions, const std::function<void()>& outdate);
    /// A lane is done with a message that it took.
    void on_done(const rd_kafka_message_t& message) {
        held_bytes_.fetch_sub(weight_of(message), std::memory_order_relaxed);
    }
    /// There may be room now: who waits for it is told by this alone.
    void tell_waiting();
    /// What is there now, and how long threads have waited for room so far.
    struct Held {
        std::size_t messages = 0;  ///< that no lane has taken
        std::size_t bytes = 0;     ///< also of those that lanes are not done with
        std::chrono::nanoseconds waited{};
        bool waits = false;  ///< one does now, and so answers to nobody
    };
    [[nodiscard]] Held held();
    /// Gives back what no lane has taken, lets waiting threads go and holds none from now on: a
    /// client cannot close otherwise.
    void release();

private:
    static constexpr std::chrono::milliseconds patience{500};

    static rd_kafka_resp_err_t on_new(rd_kafka_t* client, const rd_kafka_conf_t* conf, void* self,
                                      char* error, std::size_t error_size);
    static rd_kafka_resp_err_t on_response(rd_kafka_t* client, int socket, const char* broker,
                                           std::int32_t broker_id, std::int16_t api_key,
                                           std::int16_t api_version, std::int32_t correlation_id,
                                           std::size_t size, std::int64_t round_trip,
                                           rd_kafka_resp_err_t error, void* self);
    void weigh();
    void wait_for_room();

    std::atomic<std::size_t> budget_bytes_;
    std::atomic<std::size_t> held_bytes_ = 0;

    std::mutex weighing_;  // guards what follows
    std::vector<WeighedQueue*> queues_;
    std::map<PartitionId, std::unique_ptr<WeighedQueue>> held_;

    std::mutex mutex_;  // guards what follows
    std::chrono::nanoseconds waited_{};
    int waiting_ = 0;
    std::condition_variable room_;
    bool released_ = false;
};

}  // namespace sluice::kafka
