#include "daemon/supervisor.h"

#include "pipeline/log.h"

#include <set>

namespace sluice {
namespace {

using namespace std::chrono_literals;

/// A pipeline that ran this long had recovered from the failure before.
constexpr std::chrono::seconds recovered_after = 60s;

}  // namespace

SupervisedPipeline::SupervisedPipeline(PipelineConfig config, const PipelineFactory& factory,
                                       const BackoffLimits& restart)
    : config_(std::move(config)),
      factory_(factory),
      restart_(restart),
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
    return changed_.wait_until(lock, deadline, [&] { return status_.state == State::stopped; });
}

SupervisedPipeline::Status SupervisedPipeline::status() const {
    const std::lock_guard lock{mutex_};
    Status status = status_;
    if (pipeline_ && status.state == State::running) status.reason = pipeline_->trouble();
    return status;
}

void SupervisedPipeline::set_state(State state, const std::string& reason) {
    const std::lock_guard lock{mutex_};
    status_.state = state;
    status_.reason = reason;
    changed_.notify_all();
}

void SupervisedPipeline::loop() {
    Backoff backoff{restart_};
    const std::string& name = config_.ingest.name;
    for (;;) {
        const auto began = Clock::now();
        std::string failure;
        try {
            run_once();
        } catch (const std::exception& error) {
            failure = error.what();
        } catch (...) {
            failure = "an exception that says nothing of itself";
        }
        std::unique_lock lock{mutex_};
        // Leaving the group takes a while; nobody who asks for the status should wait for it.
        std::unique_ptr<RunningPipeline> ended = std::move(pipeline_);
        lock.unlock();
        ended.reset();
        lock.lock();
        if (stopping_) break;
        if (Clock::now() - began > recovered_after) {
            status_.failures = 0;
            backoff.reset();
        }
        ++status_.failures;
        status_.state =
            status_.failures < failures_to_be_failed ? State::backing_off : State::failed;
        status_.reason = failure;
        const auto pause = backoff.next();
        log(LogLevel::error, name,
            (status_.state == State::failed ? "failed: " : "") + failure + " (failure " +
                std::to_string(status_.failures) + " in a row, next try in " +
                std::to_string(pause.count()) + " ms)");
        changed_.wait_for(lock, pause, [&] { return stopping_; });
        if (stopping_) break;
    }
    set_state(State::stopped, "");
}

void SupervisedPipeline::run_once() {
    set_state(State::starting, status().reason);
    std::unique_ptr<RunningPipeline> built = factory_(config_);
    RunningPipeline* pipeline = built.get();
    {
        const std::lock_guard lock{mutex_};
        pipeline_ = std::move(built);
        if (stopping_) pipeline_->request_stop(deadline_);
        status_.state = State::running;
        status_.reason.clear();
        changed_.notify_all();
    }
    pipeline->run();
}

void Supervisor::apply(const config::Config& config) {
    std::map<std::string, PipelineConfig> wanted;
    for (const config::Ingest& ingest : config.ingest) {
        wanted[ingest.name] = {config.kafka, config.cloudberry, ingest};
    }
    std::vector<std::string> to_stop;
    for (const auto& [name, running] : pipelines_) {
        const auto found = wanted.find(name);
        if (found == wanted.end() || !(found->second == running->config())) to_stop.push_back(name);
    }
    std::erase_if(leaving_, [](const std::unique_ptr<SupervisedPipeline>& pipeline) {
        return pipeline->wait_until_stopped({});
    });
    stop(to_stop, config.daemon.drain_deadline);
    for (auto& [name, pipeline] : wanted) {
        auto& place = pipelines_[name];
        if (!place)
            place = std::make_unique<SupervisedPipeline>(std::move(pipeline), factory_, restart_);
    }
}

bool Supervisor::drain(std::chrono::milliseconds patience) {
    std::vector<std::string> all;
    for (const auto& [name, pipeline] : pipelines_) all.push_back(name);
    return stop(all, patience);
}

bool Supervisor::stop(const std::vector<std::string>& names, std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (const std::string& name : names) pipelines_.at(name)->request_stop(deadline);
    bool all_stopped = true;
    for (const std::string& name : names) {
        auto pipeline = pipelines_.extract(name);
        if (pipeline.mapped()->wait_until_stopped(deadline)) continue;
        all_stopped = false;
        leaving_.push_back(std::move(pipeline.mapped()));
    }
    return all_stopped;
}

std::map<std::string, SupervisedPipeline::Status> Supervisor::status() const {
    std::map<std::string, SupervisedPipeline::Status> all;
    for (const auto& [name, pipeline] : pipelines_) all[name] = pipeline->status();
    return all;
}

}  // namespace sluice
