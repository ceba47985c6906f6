#pragma once

#include "pipeline/outbox/outbox_ports.h"
#include "sinks/outbox/outbox_store.h"
#include "sinks/session/session.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace sluice {

/// An advisory lock in a transaction that reads nothing, and that the server ends when its owner
/// has been silent for some seconds: a frozen process loses the lead, as a dead one does at once.
/// A thread of its own gives the signs of life while the lead is held, so that a long read does not
/// cost it; it gives none any more for a relay that has not called hold() for `longest_step`.
class AdvisoryLeadership : public Leadership {
public:
    AdvisoryLeadership(const std::string& dsn, const RelayIdentity& identity,
                       std::chrono::milliseconds longest_step = std::chrono::hours(1));
    ~AdvisoryLeadership() override { release(); }

    bool acquire() override;
    bool hold() override {
        asked_ = Clock::now();
        return held_;
    }
    void release() noexcept override;

private:
    using Clock = std::chrono::steady_clock;

    void renew(const std::stop_token& stop);

    const std::string relay_;
    const std::string key_;
    const std::chrono::milliseconds longest_step_;
    Session session_;  // the thread's, while it runs
    std::atomic<bool> held_ = false;
    std::atomic<Clock::time_point> asked_;
    std::mutex mutex_;
    std::condition_variable_any ending_;
    std::jthread renewing_;
};

}  // namespace sluice
