#pragma once

#include "kafka/handles.h"
#include "pipeline/record.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <vector>

namespace sluice::kafka {

/// Keeps what a consumer has fetched, and nobody has taken yet, near a number of bytes.
///
/// librdkafka's own limits (queued.max.messages.kbytes, queued.min.messages) stop a partition for a
/// full second, hard-coded in 2.0.2, each time they are reached: right for a consumer that is
/// stuck, ruinous for one that is merely slower than the network. So those are set out of the way,
/// as the last resort, and fetching is slowed down here: a broker's thread that brings the answer
/// to a Fetch waits until lanes have taken enough out of the queues. Above the budget it waits for
/// a bounded time, so that nothing else on its connection times out (socket.timeout.ms is 60 s)
/// while lanes are merely busy; above twice the budget for as long as it takes. Heartbeats and
/// commits are not held up: the group coordinator has a thread and a connection of its own.
///
/// Must outlive the client. add_queue() before fetching begins; the rest is thread-safe.
class FetchThrottle {
public:
    explicit FetchThrottle(std::size_t budget_bytes) : budget_bytes_(budget_bytes) {}
    FetchThrottle(const FetchThrottle&) = delete;
    FetchThrottle& operator=(const FetchThrottle&) = delete;

    void attach_to(rd_kafka_conf_t& conf);
    void set_budget(std::size_t bytes);
    void add_queue(rd_kafka_queue_t& queue) { queues_.push_back(&queue); }
    /// A partition's own queue, while it flows into no other, counts as well.
    void hold(PartitionId partition, QueueHandle queue);
    void forget(PartitionId partition);
    /// Lanes tell what they took, since the queues can only be asked for their number of messages,
    /// and with each message that they are done with it: a lane can be stuck over what it took.
    /// Who waits for room is told by tell_waiting() alone, before the lane waits for more.
    void on_taken(std::size_t messages, std::size_t bytes);
    void on_done(std::size_t bytes) {
        taken_bytes_.fetch_sub(bytes + overhead_per_message, std::memory_order_relaxed);
    }
    /// There may be room now.
    void tell_waiting();
    /// What is there now, and how long threads have waited for room so far.
    struct Held {
        std::size_t messages = 0;  ///< that no lane has taken
        std::size_t bytes = 0;     ///< also of those that lanes are not done with
        std::chrono::nanoseconds waited{};
    };
    [[nodiscard]] Held held() const;
    /// Lets waiting threads go and holds none from now on: a client cannot close otherwise.
    void release();

private:
    /// What librdkafka spends on a message beside its key and value (rd_kafka_op_t and its malloc).
    static constexpr std::size_t overhead_per_message = 400;
    static constexpr std::chrono::milliseconds patience{500};

    static rd_kafka_resp_err_t on_new(rd_kafka_t* client, const rd_kafka_conf_t* conf, void* self,
                                      char* error, std::size_t error_size);
    static rd_kafka_resp_err_t on_response(rd_kafka_t* client, int socket, const char* broker,
                                           std::int32_t broker_id, std::int16_t api_key,
                                           std::int16_t api_version, std::int32_t correlation_id,
                                           std::size_t size, std::int64_t round_trip,
                                           rd_kafka_resp_err_t error, void* self);
    void wait_for_room();
    [[nodiscard]] std::size_t queued_messages() const;
    [[nodiscard]] std::size_t queued_bytes() const;

    std::atomic<std::size_t> budget_bytes_;
    std::vector<rd_kafka_queue_t*> queues_;
    std::atomic<std::size_t> mean_message_bytes_{0};  ///< 0: none was taken yet
    std::atomic<std::size_t> taken_bytes_{0};         ///< by lanes that are not done with it
    mutable std::mutex mutex_;                        // guards what follows
    std::chrono::nanoseconds waited_{};
    std::map<PartitionId, QueueHandle> held_;
    std::condition_variable room_;
    bool released_ = false;
};

}  // namespace sluice::kafka
