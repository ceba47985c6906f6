#pragma once

#include "pipeline/backoff.h"
#include "pipeline/outbox/outbox_observer.h"
#include "pipeline/outbox/outbox_ports.h"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

namespace sluice {

/// Purges what was sent, on a thread of its own, from construction to destruction. Trouble and
/// writers in the way make it wait longer each time; nothing but disk space depends on it. What
/// keeps it from it the observer tells.
class OutboxPurger {
public:
    struct Pace {
        BackoffLimits backoff{std::chrono::milliseconds(500), std::chrono::seconds(10)};
        std::chrono::milliseconds collect{200};  ///< small batches come often: purge them together
    };
    OutboxPurger(std::unique_ptr<OutboxPurge> purge, OutboxObserver& observer)
        : OutboxPurger(std::move(purge), observer, Pace{}) {}
    OutboxPurger(std::unique_ptr<OutboxPurge> purge, OutboxObserver& observer, const Pace& pace);
    ~OutboxPurger();
    OutboxPurger(const OutboxPurger&) = delete;
    OutboxPurger& operator=(const OutboxPurger&) = delete;

    /// Everything up to this batch is in Kafka. From any thread.
    void on_sent(BatchNumber batch);
    /// Of no batch up to this one a row is left. From any thread.
    [[nodiscard]] BatchNumber purged() const { return purged_; }

private:
    void loop();
    /// How long to rest now.
    std::chrono::milliseconds step(BatchNumber sent);

    const std::unique_ptr<OutboxPurge> purge_;
    OutboxObserver& observer_;
    const Pace pace_;
    std::atomic<BatchNumber> purged_ = 0;
    // The thread's own:
    bool knows_ = false;  ///< what the books say
    Backoff backoff_;

    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    BatchNumber sent_ = 0;
    bool ending_ = false;

    std::thread thread_;
};

}  // namespace sluice
