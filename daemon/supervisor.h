#pragma once

#include "config/config.h"
#include "pipeline/backoff.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sluice {

/// A pipeline at work, of whatever kind.
class RunningPipeline {
public:
    virtual ~RunningPipeline() = default;
    /// Works on the calling thread until request_stop(), or until it throws.
    virtual void run() = 0;
    /// From any thread. What is in flight may commit until the deadline.
    virtual void request_stop(std::chrono::steady_clock::time_point deadline) = 0;
    /// Why it makes no progress now; empty when all is well. From any thread.
    [[nodiscard]] virtual std::string trouble() const = 0;
};

/// All that one pipeline is built from. Equal configurations build equal pipelines.
struct PipelineConfig {
    config::Kafka kafka;
    config::Cloudberry cloudberry;
    config::Ingest ingest;
    bool operator==(const PipelineConfig&) const = default;
};

/// Builds a pipeline, ready to run(). May block for a bounded time; throws where it cannot.
using PipelineFactory = std::function<std::unique_ptr<RunningPipeline>(const PipelineConfig&)>;

/// Keeps one pipeline running: builds it, runs it, and after a failure does so again, with
/// back-off. A thread of its own, from construction to destruction.
class SupervisedPipeline {
public:
    enum class State {
        starting,
        running,
        backing_off,  ///< failed, and will be tried again soon
        failed,       ///< failed again and again; still tried, slowly
        stopped,
    };
    struct Status {
        State state = State::starting;
        std::string reason;  ///< of the last failure, or of the trouble that holds it up now
        int failures = 0;    ///< in a row
    };

    SupervisedPipeline(PipelineConfig config, const PipelineFactory& factory,
                       const BackoffLimits& restart);
    /// Ends at once: what is in flight is dropped. request_stop() first, for a graceful end.
    ~SupervisedPipeline();
    SupervisedPipeline(const SupervisedPipeline&) = delete;
    SupervisedPipeline& operator=(const SupervisedPipeline&) = delete;

    [[nodiscard]] const PipelineConfig& config() const { return config_; }
    void request_stop(std::chrono::steady_clock::time_point deadline);
    /// False when it has not stopped by the deadline.
    bool wait_until_stopped(std::chrono::steady_clock::time_point deadline);
    [[nodiscard]] Status status() const;

private:
    using Clock = std::chrono::steady_clock;
    static constexpr int failures_to_be_failed = 5;

    void loop();
    void run_once();
    void set_state(State state, const std::string& reason);

    const PipelineConfig config_;
    const PipelineFactory& factory_;
    const BackoffLimits restart_;

    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::unique_ptr<RunningPipeline> pipeline_;
    Status status_;
    bool stopping_ = false;
    Clock::time_point deadline_;

    std::thread thread_;
};

/// Keeps the running pipelines equal to the configured ones. One thread calls.
class Supervisor {
public:
    explicit Supervisor(PipelineFactory factory,
                        const BackoffLimits& restart = {std::chrono::seconds(1),
                                                        std::chrono::seconds(60)})
        : factory_(std::move(factory)), restart_(restart) {}

    /// Stops what is gone or changed, starts what is new or changed; leaves alone what is equal.
    /// The start of the daemon is this, coming from nothing.
    void apply(const config::Config& config);
    /// Stops everything; false when something had not ended by then. That is still running, and the
    /// destructor would wait for it: a process that wants to end in time exits without.
    bool drain(std::chrono::milliseconds patience);
    [[nodiscard]] std::map<std::string, SupervisedPipeline::Status> status() const;

private:
    bool stop(const std::vector<std::string>& names, std::chrono::milliseconds patience);

    const PipelineFactory factory_;
    const BackoffLimits restart_;
    std::map<std::string, std::unique_ptr<SupervisedPipeline>> pipelines_;
    /// Asked to stop, and stuck in a call; what they still write is fenced.
    std::vector<std::unique_ptr<SupervisedPipeline>> leaving_;
};

}  // namespace sluice
