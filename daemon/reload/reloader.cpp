#include "daemon/reload/reloader.h"

#include "pipeline/log.h"

#include <utility>

namespace sluice {
namespace {

using Kind = PipelineChange::Kind;
using Result = ReloadOutcome::Result;

constexpr std::size_t remembered = 20;
constexpr const char* about_to_end = "the daemon is about to end";

/// Of those that run, or tried to, on a table that may have changed since.
std::map<std::string, std::string> targets_of(const Supervisor& supervisor) {
    std::map<std::string, std::string> targets;
    for (const auto& [key, status] : supervisor.status().pipelines) {
        if (has_known_target(status)) targets[key] = status.target;
    }
    return targets;
}

ReloadOutcome refusal(std::vector<std::string> problems) {
    return {.result = Result::refused, .problems = std::move(problems)};
}

void log_outcome(const ReloadOutcome& outcome) {
    if (outcome.result == Result::refused) {
        log(LogLevel::error, "sluice",
            "reload refused: " + std::to_string(outcome.problems.size()) +
                (outcome.problems.size() == 1 ? " problem" : " problems") +
                "; nothing changed, configuration " + outcome.revision +
                " stays in force; once that is mended, save the file again or send SIGHUP");
        for (const std::string& problem : outcome.problems) {
            log(LogLevel::error, "sluice", "reload refused: " + problem);
        }
        return;
    }
    if (outcome.result == Result::unchanged) {
        return log(LogLevel::info, "sluice", "reload: nothing differs from what runs");
    }
    for (const PipelineChange& change : outcome.plan.pipelines) {
        if (change.reasons.empty()) continue;
        std::string text = change.kind == Kind::restart ? "restarted for" : "changed in place";
        const char* separator = ": ";
        for (const std::string& reason : change.reasons) {
            text += std::exchange(separator, "; ") + reason;
        }
        log(LogLevel::info, change.pipeline, text);
    }
    for (const std::string& change : outcome.plan.process) {
        log(LogLevel::info, "sluice", "changed in place: " + change);
    }
    log(LogLevel::info, "sluice",
        "configuration " + outcome.revision + " in force: " + summary_of(outcome.plan));
}

}  // namespace

const char* name_of(ReloadTrigger trigger) {
    switch (trigger) {
        case ReloadTrigger::start:
            return "start";
        case ReloadTrigger::signal:
            return "signal";
        case ReloadTrigger::file:
            return "file";
        case ReloadTrigger::request:
            break;
    }
    return "request";
}

const char* name_of(Result result) {
    switch (result) {
        case Result::applied:
            return "applied";
        case Result::unchanged:
            return "unchanged";
        case Result::refused:
            break;
    }
    return "refused";
}

Reloader::Reloader(World world) : world_(std::move(world)), thread_([this] { loop(); }) {}

Reloader::~Reloader() {
    {
        const std::lock_guard lock{mutex_};
        ending_ = true;
    }
    requested_.notify_all();
    thread_.join();
}

ReloadOutcome Reloader::start(const config::Config& config) {
    return post({.trigger = ReloadTrigger::start, .first = config}).get();
}

std::future<ReloadOutcome> Reloader::request(ReloadTrigger trigger) {
    return post({.trigger = trigger});
}

std::future<ReloadOutcome> Reloader::post(Request request) {
    std::future<ReloadOutcome> outcome = request.outcome.get_future();
    {
        const std::lock_guard lock{mutex_};
        requests_.push_back(std::move(request));
    }
    requested_.notify_all();
    return outcome;
}

std::shared_ptr<const config::Config> Reloader::config() const {
    const std::lock_guard lock{mutex_};
    return config_;
}

ReloadHistory Reloader::history() const {
    const std::lock_guard lock{mutex_};
    return history_;
}

void Reloader::loop() {
    for (;;) {
        std::vector<Request> requests = await_requests();
        if (requests.empty()) break;
        ReloadOutcome outcome = serve(requests.front());
        for (Request& request : requests) request.outcome.set_value(outcome);
    }
    const std::lock_guard lock{mutex_};
    for (Request& request : requests_) {
        request.outcome.set_value({.result = Result::refused,
                                   .trigger = request.trigger,
                                   .revision = config_->revision,
                                   .problems = {about_to_end}});
    }
}

std::vector<Reloader::Request> Reloader::await_requests() {
    std::unique_lock lock{mutex_};
    requested_.wait(lock, [&] { return ending_ || !requests_.empty(); });
    std::vector<Request> next;
    if (ending_) return next;
    // The start reads no file, so it answers nobody who asks for that.
    const auto end = requests_.front().first ? requests_.begin() + 1 : requests_.end();
    std::move(requests_.begin(), end, std::back_inserter(next));
    requests_.erase(requests_.begin(), end);
    return next;
}

ReloadOutcome Reloader::serve(const Request& request) {
    ReloadOutcome outcome;
    try {
        outcome = request.first ? begin(*request.first) : reload();
    } catch (const std::exception& error) {
        outcome = refusal({error.what()});
    }
    outcome.trigger = request.trigger;
    conclude(outcome);
    return outcome;
}

ReloadOutcome Reloader::begin(const config::Config& config) {
    ReloadPlan plan = plan_reload(settings_of(*this->config()), settings_of(config));
    plan.process.clear();  // as configured from its first moment
    return put_in_force(config, std::move(plan));
}

ReloadOutcome Reloader::reload() {
    const config::Loaded loaded = world_.load();
    std::vector<std::string> problems;
    for (const config::Problem& problem : loaded.problems) {
        problems.push_back(config::to_string(problem));
    }
    if (!problems.empty()) return refusal(std::move(problems));
    const config::Config& next = loaded.config;
    ReloadPlan plan = plan_reload(settings_of(*config()), settings_of(next), loaded.places);
    problems = prepare(loaded, plan);
    if (!problems.empty()) return refusal(std::move(problems));
    if (plan.changes_nothing() && next == *config()) return {.plan = plan};
    if (std::string problem = world_.adopt(next); !problem.empty()) return refusal({problem});
    return put_in_force(next, std::move(plan));
}

ReloadOutcome Reloader::put_in_force(const config::Config& config, ReloadPlan plan) {
    std::set<std::string> restart;
    for (const PipelineChange& change : plan.pipelines) {
        if (change.kind == Kind::restart) restart.insert(change.pipeline);
    }
    if (world_.supervisor.apply(config, std::move(restart)).get() != CommandResult::done) {
        return refusal({about_to_end});
    }
    const std::lock_guard lock{mutex_};
    config_ = std::make_shared<config::Config>(config);
    return {.result = Result::applied, .plan = std::move(plan)};
}

std::vector<std::string> Reloader::prepare(const config::Loaded& loaded, ReloadPlan& plan) {
    Preparation prepared = world_.prepare(
        request_for(plan, loaded.config, targets_of(world_.supervisor), loaded.places));
    add_drift(prepared, plan);
    return std::move(prepared.problems);
}

void Reloader::conclude(ReloadOutcome& outcome) {
    outcome.at = std::chrono::system_clock::now();
    {
        const std::lock_guard lock{mutex_};
        outcome.revision = config_->revision;
        history_.insert(history_.begin(), outcome);
        if (history_.size() > remembered) history_.pop_back();
    }
    log_outcome(outcome);
    world_.report(outcome);
}

}  // namespace sluice
