#include "daemon/supervisor/supervisor.h"

#include "config/schedule.h"
#include "config/settings.h"
#include "pipeline/log.h"

#include <algorithm>
#include <iterator>
#include <system_error>
#include <utility>

namespace sluice {
namespace {

/// nullptr: it always runs.
const config::Schedule* schedule_of(const PipelineConfig& config) {
    const auto* ingest = std::get_if<config::Ingest>(&config.of_kind);
    return ingest != nullptr && ingest->schedule ? &*ingest->schedule : nullptr;
}

}  // namespace

Supervisor::Supervisor(PipelineFactory factory, const BackoffLimits& restart, WallClock clock)
    : factory_(std::move(factory)),
      restart_(restart),
      clock_(std::move(clock)),
      thread_([this] { loop(); }) {}

Supervisor::~Supervisor() {
    {
        const std::lock_guard lock{mutex_};
        ending_ = draining_ = true;
    }
    posted_.notify_all();
    thread_.join();
}

std::future<CommandResult> Supervisor::apply(config::Config config, std::set<std::string> restart) {
    return post(Apply{std::move(config), std::move(restart)});
}
std::future<CommandResult> Supervisor::pause(std::string name) {
    return post(Pause{std::move(name)});
}
std::future<CommandResult> Supervisor::resume(std::string name) {
    return post(Resume{std::move(name)});
}
std::future<CommandResult> Supervisor::restart(std::string name) {
    return post(Restart{std::move(name)});
}

std::future<CommandResult> Supervisor::post(Command command) {
    Posted posted{std::move(command), {}};
    std::future<CommandResult> result = posted.result.get_future();
    {
        const std::lock_guard lock{mutex_};
        queue_.push_back(std::move(posted));
    }
    posted_.notify_all();
    return result;
}

bool Supervisor::drain(std::chrono::milliseconds patience) {
    const auto deadline = Clock::now() + patience;
    {
        // The thread may be waiting for a pipeline that is to stop; the others need not.
        const std::lock_guard lock{mutex_};
        draining_ = true;
        for (const auto& [key, kept] : pipelines_) {
            if (kept.running) kept.running->request_stop(deadline);
        }
        for (const auto& pipeline : leaving_) pipeline->request_stop(deadline);
    }
    auto drained = post(Drain{deadline});
    return drained.wait_until(deadline) == std::future_status::ready &&
           drained.get() == CommandResult::done;
}

SupervisorStatus Supervisor::status() const {
    const std::lock_guard lock{mutex_};
    SupervisorStatus all{.pipelines = {}, .draining = draining_};
    for (const auto& [key, kept] : pipelines_) {
        PipelineStatus& status = all.pipelines[key];
        if (kept.running) {
            status = kept.running->status();
            status.restarts += kept.starts_before;
        } else {
            status.state = kept.paused_since ? PipelineState::paused : PipelineState::stopped;
            status.since = kept.paused_since.value_or(std::chrono::system_clock::now());
            if (!kept.paused_since && kept.waits_since) {
                status.state = PipelineState::scheduled;
                status.since = *kept.waits_since;
                status.reason = "scheduled: it runs " + to_string(*schedule_of(kept.config));
            } else if (!kept.not_started.empty() && !kept.paused_since) {
                status.state = PipelineState::failed;
                status.reason = kept.not_started;
            }
            status.restarts = std::max(0, kept.starts_before - 1);
        }
    }
    return all;
}

void Supervisor::loop() {
    std::unique_lock lock{mutex_};
    for (;;) {
        const auto is_posted = [&] { return ending_ || !queue_.empty(); };
        if (const auto patience = patience_for_commands(); !patience) {
            posted_.wait(lock, is_posted);
        } else if (!posted_.wait_for(lock, *patience, is_posted)) {
            lock.unlock();
            start_what_lacks();
            follow_schedules();
            look();
            lock.lock();
            continue;
        }
        if (ending_) {
            for (Posted& late : queue_) late.result.set_value(CommandResult::draining);
            return;
        }
        Posted posted = std::move(queue_.front());
        queue_.pop_front();
        const bool refused = draining_ && !std::holds_alternative<Drain>(posted.command);
        lock.unlock();
        try {
            posted.result.set_value(
                refused
                    ? CommandResult::draining
                    : std::visit([this](auto& command) { return run(command); }, posted.command));
        } catch (const std::exception& error) {
            log(LogLevel::error, "sluice", std::string("a command failed: ") + error.what());
            posted.result.set_exception(std::current_exception());
        }
        lock.lock();
    }
}

CommandResult Supervisor::run(Apply& apply) {
    auto wanted = config::pipelines_of(apply.config);
    patience_ = apply.config.daemon.drain_deadline;
    stuck_after_ = apply.config.admin.stuck_after;
    std::vector<std::string> to_stop;
    for (const auto& [key, kept] : pipelines_) {
        const auto found = wanted.find(key);
        const bool stays =
            found != wanted.end() && !apply.restart.contains(key) &&
            !config::needs_restart(config::changes_between(config::settings_of(kept.config),
                                                           config::settings_of(found->second)));
        if (!stays) to_stop.push_back(key);
    }
    forget_those_that_left();
    stop(to_stop, Clock::now() + patience_);
    const std::lock_guard lock{mutex_};
    std::erase_if(pipelines_, [&](const auto& kept) { return !wanted.contains(kept.first); });
    for (auto& [key, config] : wanted) {
        Kept& kept = pipelines_[key];
        kept.config = std::move(config);
        if (const auto* schedule = schedule_of(kept.config))
            kept.zone = config::TimeZone::named(schedule->zone).value_or(config::TimeZone{});
        else
            kept.waits_since.reset();
        if (kept.running) {
            kept.running->adapt(kept.config);
            kept.running->set_patience(stuck_after_);
        } else if (!kept.paused_since) {
            start(kept);
        }
    }
    return CommandResult::done;
}

CommandResult Supervisor::run(const Pause& pause) {
    auto found = find(pause.name);
    if (const auto* problem = std::get_if<CommandResult>(&found)) return *problem;
    auto& [key, kept] = *std::get<Pipelines::iterator>(found);
    if (kept.paused_since) return CommandResult::done;
    {
        const std::lock_guard lock{mutex_};
        kept.paused_since = std::chrono::system_clock::now();
    }
    stop({key}, Clock::now() + patience_);
    return CommandResult::done;
}

CommandResult Supervisor::run(const Resume& resume) {
    auto found = find(resume.name);
    if (const auto* problem = std::get_if<CommandResult>(&found)) return *problem;
    auto& [key, kept] = *std::get<Pipelines::iterator>(found);
    if (kept.running && kept.running->status().state == PipelineState::held)
        stop({key}, Clock::now() + patience_);
    const std::lock_guard lock{mutex_};
    if (kept.running) return CommandResult::done;
    // Of one that was paused, the schedule decides again.
    kept.runs_anyway = !kept.paused_since && is_outside_of_schedule(kept);
    start(kept);
    return CommandResult::done;
}

CommandResult Supervisor::run(const Restart& restart) {
    auto found = find(restart.name);
    if (const auto* problem = std::get_if<CommandResult>(&found)) return *problem;
    auto& [key, kept] = *std::get<Pipelines::iterator>(found);
    if (kept.paused_since || kept.waits_since) return CommandResult::is_paused;
    stop({key}, Clock::now() + patience_);
    const std::lock_guard lock{mutex_};
    start(kept);
    return CommandResult::done;
}

CommandResult Supervisor::run(const Drain& drain) {
    std::vector<std::string> all;
    for (const auto& [key, kept] : pipelines_) all.push_back(key);
    const bool all_stopped = stop(all, drain.deadline);
    forget_those_that_left();
    return all_stopped && leaving_.empty() ? CommandResult::done : CommandResult::draining;
}

std::variant<Supervisor::Pipelines::iterator, CommandResult> Supervisor::find(
    const std::string& name) {
    if (const auto exact = pipelines_.find(name); exact != pipelines_.end()) return exact;
    auto found = pipelines_.end();
    for (auto kept = pipelines_.begin(); kept != pipelines_.end(); ++kept) {
        if (config::name_of(kept->second.config) != name) continue;
        if (found != pipelines_.end()) return CommandResult::ambiguous_name;
        found = kept;
    }
    if (found == pipelines_.end()) return CommandResult::no_such_pipeline;
    return found;
}

bool Supervisor::stop(const std::vector<std::string>& keys, Clock::time_point deadline) {
    std::vector<SupervisedPipeline*> stopping;
    {
        const std::lock_guard lock{mutex_};
        for (const std::string& key : keys) {
            Kept& kept = pipelines_.at(key);
            if (!kept.running) continue;
            kept.starts_before += kept.running->status().restarts + 1;
            stopping.push_back(kept.running.get());
            leaving_.push_back(std::move(kept.running));
            if (!draining_) stopping.back()->request_stop(deadline);
        }
    }
    bool all_stopped = true;
    for (SupervisedPipeline* pipeline : stopping) {
        all_stopped &= pipeline->wait_until_stopped(deadline);
    }
    forget_those_that_left();
    return all_stopped;
}

/// The caller holds the mutex.
void Supervisor::start(Kept& kept) {
    if (draining_) return;
    kept.paused_since.reset();
    if (is_outside_of_schedule(kept) && !kept.runs_anyway) {
        if (!kept.waits_since) kept.waits_since = clock_.now();
        return;
    }
    kept.waits_since.reset();
    try {
        kept.running =
            std::make_unique<SupervisedPipeline>(kept.config, factory_, restart_, stuck_after_);
        kept.not_started.clear();
    } catch (const std::system_error& error) {
        kept.not_started = std::string("no thread can be had: ") + error.what();
        log(LogLevel::error, config::name_of(kept.config), kept.not_started);
    }
}

void Supervisor::start_what_lacks() {
    if (Clock::now() < next_start_) return;
    next_start_ = Clock::now() + restart_.most;
    const std::lock_guard lock{mutex_};
    for (auto& [key, kept] : pipelines_)
        if (!kept.running && !kept.paused_since && !kept.waits_since) start(kept);
}

void Supervisor::look() {
    const std::lock_guard lock{mutex_};
    for (auto& [key, kept] : pipelines_)
        if (kept.running) kept.running->look();
}

void Supervisor::follow_schedules() {
    std::vector<std::string> to_stop;
    {
        const std::lock_guard lock{mutex_};
        for (auto& [key, kept] : pipelines_) {
            if (!is_outside_of_schedule(kept)) {
                kept.runs_anyway = false;
                if (!std::exchange(kept.waits_since, std::nullopt) || kept.paused_since) continue;
                log(LogLevel::info, config::name_of(kept.config), "begins, as scheduled");
                start(kept);
            } else if (kept.running && !kept.runs_anyway && !draining_ &&
                       kept.running->status().state != PipelineState::held) {
                log(LogLevel::info, config::name_of(kept.config),
                    "stops: it runs " + to_string(*schedule_of(kept.config)));
                kept.waits_since = clock_.now();
                to_stop.push_back(key);
            }
        }
    }
    if (!to_stop.empty()) stop(to_stop, Clock::now() + patience_);
}

bool Supervisor::is_outside_of_schedule(const Kept& kept) const {
    const auto* schedule = schedule_of(kept.config);
    return schedule != nullptr &&
           !is_within(*schedule, kept.zone, std::chrono::floor<std::chrono::seconds>(clock_.now()));
}

std::optional<std::chrono::milliseconds> Supervisor::patience_for_commands() const {
    if (pipelines_.empty()) return std::nullopt;
    return clock_.look;
}

void Supervisor::forget_those_that_left() {
    std::vector<std::unique_ptr<SupervisedPipeline>> left;
    const std::lock_guard lock{mutex_};
    const auto stays = std::partition(
        leaving_.begin(), leaving_.end(),
        [](const std::unique_ptr<SupervisedPipeline>& p) { return !p->wait_until_stopped({}); });
    std::move(stays, leaving_.end(), std::back_inserter(left));
    leaving_.erase(stays, leaving_.end());
}

}  // namespace sluice
