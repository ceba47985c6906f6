#include "daemon/supervisor/supervised_pipeline.h"

#include "config/revision.h"
#include "pipeline/errors.h"
#include "pipeline/log.h"

#include <string>

namespace sluice {
namespace {

using namespace std::chrono_literals;

/// A pipeline that ran this long had recovered from the failure before.
constexpr std::chrono::seconds recovered_after = 60s;

}  // namespace

const char* name_of(PipelineState state) {
    switch (state) {
        case PipelineState::starting:
            return "starting";
        case PipelineState::running:
            return "running";
        case PipelineState::backing_off:
            return "backing_off";
        case PipelineState::failed:
            return "failed";
        case PipelineState::held:
            return "held";
        case PipelineState::scheduled:
            return "scheduled";
        case PipelineState::paused:
            return "paused";
        case PipelineState::stopped:
            break;
    }
    return "stopped";
}

const char* name_of(Activity::Kind activity) {
    switch (activity) {
        case Activity::Kind::working:
            return "working";
        case Activity::Kind::joining_group:
            return "joining_group";
        case Activity::Kind::waiting_for_data:
            return "waiting_for_data";
        case Activity::Kind::stuck:
            break;
    }
    return "stuck";
}

bool has_known_target(const PipelineStatus& status) {
    return status.state == PipelineState::running || status.state == PipelineState::backing_off ||
           status.state == PipelineState::failed;
}

SupervisedPipeline::SupervisedPipeline(PipelineConfig config, const PipelineFactory& factory,
                                       const BackoffLimits& restart,
                                       std::chrono::milliseconds patience)
    : factory_(factory),
      restart_(restart),
      name_(config::name_of(config)),
      patience_(patience),
      hanging_(name_),
      config_(std::move(config)),
      thread_([this] { loop(); }) {}

SupervisedPipeline::~SupervisedPipeline() {
    request_stop(Clock::now());
    thread_.join();
}

void SupervisedPipeline::request_stop(Clock::time_point deadline) {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    deadline_ = deadline;
    if (pipeline_) pipeline_->request_stop(deadline);
    changed_.notify_all();
}

bool SupervisedPipeline::wait_until_stopped(Clock::time_point deadline) {
    std::unique_lock lock{mutex_};
    return changed_.wait_until(lock, deadline,
                               [&] { return status_.state == PipelineState::stopped; });
}

void SupervisedPipeline::adapt(const PipelineConfig& config) {
    const std::lock_guard lock{mutex_};
    config_ = config;
    if (pipeline_) pipeline_->adapt(config_);
}

PipelineStatus SupervisedPipeline::status() const {
    const std::lock_guard lock{mutex_};
    PipelineStatus status = status_;
    if (pipeline_ && status.state == PipelineState::running) {
        Activity activity = pipeline_->activity();
        status.activity = activity.kind;
        status.reason = std::move(activity.reason);
    }
    if (status.activity == Activity::Kind::stuck) return status;
    if (std::string hangs = wait_->stuck(patience_); !hangs.empty()) {
        status.activity = Activity::Kind::stuck;
        status.reason = std::move(hangs);
    }
    return status;
}

void SupervisedPipeline::look() {
    hanging_.set(wait_->stuck(patience_));
}

void SupervisedPipeline::enter(PipelineState state) {
    status_.state = state;
    status_.since = std::chrono::system_clock::now();
    changed_.notify_all();
}

void SupervisedPipeline::loop() {
    Backoff backoff{restart_};
    for (;;) {
        std::optional<Clock::time_point> began;
        std::string failure;
        bool is_held = false;
        try {
            run_once(began);
        } catch (const TooManyRejects& error) {
            failure = error.what();
            is_held = true;
        } catch (const std::exception& error) {
            failure = error.what();
        } catch (...) {
            failure = "an exception that says nothing of itself";
        }
        const auto ran = began ? Clock::now() - *began : Clock::duration::zero();
        std::unique_lock lock{mutex_};
        std::chrono::milliseconds pause{};
        if (!stopping_ && is_held) {
            hold(failure);
        } else if (!stopping_) {
            failed_at_work_ = began.has_value();
            if (ran > recovered_after) {
                status_.failures = 0;
                backoff.reset();
            }
            pause = fail(failure, backoff);
        } else if (!failure.empty()) {
            status_.last_failure = failure;
            status_.last_failed_at = std::chrono::system_clock::now();
            log(LogLevel::error, name_, "failed while it ended: " + failure);
        }
        // Leaving the group takes a while; nobody who asks for the status should wait for it.
        std::unique_ptr<RunningPipeline> ended = std::move(pipeline_);
        lock.unlock();
        ended.reset();
        lock.lock();
        if (is_held) {
            changed_.wait(lock, [&] { return stopping_; });
        } else {
            changed_.wait_for(lock, pause, [&] { return stopping_; });
        }
        if (stopping_) {
            status_.reason.clear();
            return enter(PipelineState::stopped);
        }
        ++status_.restarts;
    }
}

std::chrono::milliseconds SupervisedPipeline::fail(const std::string& failure, Backoff& backoff) {
    const auto pause = backoff.next();
    ++status_.failures;
    const bool failed = status_.failures >= failures_to_be_failed;
    enter(failed ? PipelineState::failed : PipelineState::backing_off);
    status_.reason = status_.last_failure = failure;
    status_.last_failed_at = status_.since;
    log(LogLevel::error, name_,
        (failed ? "failed: " : "") + failure + " (failure " + std::to_string(status_.failures) +
            " in a row, next try in " + std::to_string(pause.count()) + " ms)");
    return pause;
}

void SupervisedPipeline::hold(const std::string& reason) {
    enter(PipelineState::held);
    status_.reason = status_.last_failure = reason;
    status_.last_failed_at = status_.since;
    log(LogLevel::error, name_, "held: " + reason);
}

void SupervisedPipeline::run_once(std::optional<Clock::time_point>& began) {
    const PipelineConfig config = [&] {
        const std::lock_guard lock{mutex_};
        enter(PipelineState::starting);
        return config_;
    }();
    std::unique_ptr<RunningPipeline> built = factory_(config, wait_);
    RunningPipeline* pipeline = built.get();
    {
        const std::lock_guard lock{mutex_};
        pipeline_ = std::move(built);
        if (!(config_ == config)) pipeline_->adapt(config_);  // it came while this was built
        status_.target = pipeline_->target();
        status_.revision = config::revision_of(config_);
        if (stopping_) pipeline_->request_stop(deadline_);
        // What fails at work may do so again at the next record: once for all tries.
        if (!status_.reason.empty() && (status_.failures == 1 || !failed_at_work_))
            log(LogLevel::info, name_, "runs again: " + status_.reason);
        status_.reason.clear();
        enter(PipelineState::running);
    }
    began = Clock::now();
    pipeline->run();
}

}  // namespace sluice
