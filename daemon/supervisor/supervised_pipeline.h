#pragma once

#include "daemon/supervisor/pipeline_status.h"
#include "daemon/supervisor/running_pipeline.h"
#include "pipeline/backoff.h"
#include "pipeline/ongoing_trouble.h"
#include "pipeline/outside_wait.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace sluice {

/// Keeps one pipeline running: builds it, runs it, and after a failure does so again, with
/// back-off, save one that too many rejects hold. A thread of its own, from construction to
/// destruction. Methods from any thread.
class SupervisedPipeline {
public:
    /// In a row; a topic that is held up counts alike.
    static constexpr int failures_to_be_failed = 5;

    /// `patience`: as set_patience() has it.
    SupervisedPipeline(PipelineConfig config, const PipelineFactory& factory,
                       const BackoffLimits& restart, std::chrono::milliseconds patience);
    /// Ends at once: what is in flight is dropped. request_stop() first, for a graceful end.
    ~SupervisedPipeline();
    SupervisedPipeline(const SupervisedPipeline&) = delete;
    SupervisedPipeline& operator=(const SupervisedPipeline&) = delete;

    void request_stop(std::chrono::steady_clock::time_point deadline);
    /// False when it has not stopped by the deadline.
    bool wait_until_stopped(std::chrono::steady_clock::time_point deadline);
    /// Takes over a configuration that differs only in what applies in place.
    void adapt(const PipelineConfig& config);
    /// One that waits longer than this for something outside, while it is built or later, is stuck.
    void set_patience(std::chrono::milliseconds patience) { patience_ = patience; }
    /// Says in the log that it is, and that it is over. By one thread, now and then.
    void look();
    [[nodiscard]] PipelineStatus status() const;

private:
    using Clock = std::chrono::steady_clock;

    void loop();
    /// `began`: when it was running, if it came to that.
    void run_once(std::optional<Clock::time_point>& began);
    /// The caller holds the mutex.
    void enter(PipelineState state);
    /// It is not tried again. As above.
    void hold(const std::string& reason);
    /// Notes the failure and returns how long to wait before the next try. As above.
    std::chrono::milliseconds fail(const std::string& failure, Backoff& backoff);

    const PipelineFactory& factory_;
    const BackoffLimits restart_;
    const std::string name_;
    const std::shared_ptr<OutsideWait> wait_ = std::make_shared<OutsideWait>();
    std::atomic<std::chrono::milliseconds> patience_;
    OngoingTrouble hanging_;  ///< of the thread that looks

    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    PipelineConfig config_;
    std::unique_ptr<RunningPipeline> pipeline_;
    PipelineStatus status_;
    bool failed_at_work_ = false;  // not while it was built
    bool stopping_ = false;
    Clock::time_point deadline_;

    std::thread thread_;
};

}  // namespace sluice
