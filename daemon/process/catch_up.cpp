#include "daemon/process/catch_up.h"

#include "config/text/words.h"
#include "daemon/commands/progress_goals.h"
#include "daemon/supervisor/supervised_pipeline.h"
#include "kafka/client.h"
#include "pipeline/errors.h"
#include "pipeline/log.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace sluice {
namespace {

using namespace std::chrono_literals;

using HeldTopics = std::map<std::string, IngestStatus::HeldTopic>;

/// A topic that is held up is not waited for longer than a pipeline that fails.
bool is_given_up(const ProgressGoal& goal, const HeldTopics& held) {
    const auto found = held.find(goal.topic);
    return found != held.end() &&
           found->second.failures >= SupervisedPipeline::failures_to_be_failed;
}

/// What of its partitions the pipeline has not begun with yet; nullptr: nothing.
const char* not_looked_at(bool joins, const IngestStatus& shown) {
    if (joins) return "it is joining the group";
    if (!std::ranges::all_of(shown.partitions, &IngestStatus::Partition::recognised))
        return "its last records are not compared with those that were read yet";
    if (shown.held_up_topics.empty() && shown.partitions.size() < shown.assigned)
        return "it has not begun with all of its partitions yet";
    return nullptr;
}

std::string first_behind(const ProgressGoals& goals, const HeldTopics& held) {
    for (const ProgressGoal& goal : goals.goals()) {
        if (goal.reached() || is_given_up(goal, held)) continue;
        return goal.topic + "[" + std::to_string(goal.partition) + "] is at " +
               (goal.next ? std::to_string(*goal.next) : "its beginning") + " of " +
               std::to_string(goal.until);
    }
    return {};
}

/// Of a pipeline that has failed again and again, is held or waits for its time; empty: none does.
std::string failure_in(const SupervisorStatus& status) {
    for (const auto& [key, pipeline] : status.pipelines) {
        if (pipeline.state == PipelineState::failed) return key + " failed: " + pipeline.reason;
        if (pipeline.state == PipelineState::held) return key + " is held: " + pipeline.reason;
        if (pipeline.state == PipelineState::scheduled)
            return key + " does not run now: " + pipeline.reason;
    }
    return {};
}

}  // namespace

/// The ingest pipelines whose topics are not loaded up to their ends as they were at the first
/// look.
class CatchUp::Topics {
public:
    explicit Topics(const config::Config& config)
        : config_(config), session_(config.cloudberry.dsn.text, "sluice catch-up") {
        for (const config::Ingest& ingest : config.ingest) {
            waiting_.emplace("ingest." + ingest.name, Waiting{.ingest = &ingest, .goals = {}});
        }
    }

    /// What of this pipeline keeps us; nothing: it has caught up, as have those that are not known
    /// here. `joins`, `shown`: of the pipeline that runs here. Throws TroubleOfTheWorld and
    /// DatabaseError.
    Behind behind(const std::string& key, bool joins, const IngestStatus& shown) {
        const HeldTopics& held = shown.held_up_topics;
        const auto found = waiting_.find(key);
        if (found == waiting_.end()) return {};
        ProgressGoals& goals = aimed(found->second);
        goals.read(session_);
        if (goals.reached()) {
            // Progress at the end may be that of a topic that was deleted since.
            if (const char* unseen = not_looked_at(joins, shown))
                return {.going_on = unseen, .held_up = {}};
            waiting_.erase(found);
            return {};
        }
        Behind behind{.going_on = first_behind(goals, held), .held_up = {}};
        if (!behind.going_on.empty()) return behind;
        for (const ProgressGoal& goal : goals.goals())
            if (!goal.reached() && behind.held_up.empty())
                behind.held_up = "topic \"" + goal.topic + "\": " + held.at(goal.topic).why;
        return behind;
    }

    /// All ends, as soon as they can be asked. Throws TroubleOfTheWorld.
    void aim() {
        for (auto& [key, waiting] : waiting_) aimed(waiting);
    }

private:
    struct Waiting {
        const config::Ingest* ingest = nullptr;
        std::optional<ProgressGoals> goals;
    };

    ProgressGoals& aimed(Waiting& waiting) {
        if (waiting.goals) return *waiting.goals;
        if (!client_) {
            client_ = kafka::make_client(RD_KAFKA_CONSUMER, kafka::make_conf(config_.kafka, {}),
                                         "catch-up");
        }
        ProgressGoals goals(config_, *waiting.ingest, *client_);
        goals.aim_at_ends();
        say_what_is_not_there(*waiting.ingest, goals);
        return waiting.goals.emplace(std::move(goals));
    }

    /// Of topics that are not there nothing is loaded; who named one has to hear of it.
    static void say_what_is_not_there(const config::Ingest& ingest, const ProgressGoals& goals) {
        std::set<std::string> there;
        for (const ProgressGoal& goal : goals.goals()) there.insert(goal.topic);
        const auto warn = [&](const std::string& what) {
            log(LogLevel::warn, ingest.name, "until caught up: " + what);
        };
        if (!ingest.topic.regex.empty() && there.empty())
            warn("no topic's whole name fits " + config::in_quotes(ingest.topic.regex) +
                 ": there is nothing to load");
        for (const std::string& topic : ingest.topic.names)
            if (!there.contains(topic))
                warn("there is no topic " + config::in_quotes(topic) +
                     ": nothing of it is waited for");
    }

    const config::Config& config_;
    Session session_;
    kafka::ClientHandle client_;
    std::map<std::string, Waiting> waiting_;
};

CatchUp::CatchUp(config::Config config, Options options)
    : config_(std::move(config)), options_(std::move(options)), thread_([this] { loop(); }) {}

CatchUp::~CatchUp() {
    {
        const std::lock_guard lock{mutex_};
        ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void CatchUp::loop() {
    Topics topics(config_);
    std::string trouble;
    do {
        const SupervisorStatus status = options_.status();
        if (const std::string failed = failure_in(status); !failed.empty())
            return options_.on_end({.caught_up = false, .reason = failed});
        std::string behind;
        try {
            topics.aim();
            const Behind all = behind_in(status, topics);
            if (all.going_on.empty())
                return options_.on_end({.caught_up = all.held_up.empty(), .reason = all.held_up});
            behind = all.going_on;
            trouble.clear();
        } catch (const std::exception& error) {
            behind = error.what();
            if (std::exchange(trouble, behind) != behind)
                log(LogLevel::warn, "sluice", "until caught up: " + trouble);
        }
        if (options_.timeout && Clock::now() - began_ >= *options_.timeout) {
            return options_.on_end({.caught_up = false, .reason = "the time is up: " + behind});
        }
    } while (rest(trouble.empty() ? 200ms : 1s));
}

CatchUp::Behind CatchUp::behind_in(const SupervisorStatus& status, Topics& topics) const {
    Behind all;
    const auto add = [](std::string& to, const std::string& key, const std::string& text) {
        to += (to.empty() ? "" : "; ") + key + ": " + text;
    };
    for (const auto& [key, pipeline] : status.pipelines) {
        const bool is_outbox = key.starts_with("outbox.");
        // Before it runs there may not even be tables to ask for its progress.
        const bool runs_not_yet = pipeline.state == PipelineState::starting ||
                                  pipeline.state == PipelineState::backing_off;
        Behind behind;
        if (runs_not_yet) {
            behind.going_on = "it does not run yet";
        } else if (is_outbox) {
            if (!options_.was_empty(key)) behind.going_on = "it was not yet seen empty";
        } else {
            behind = topics.behind(key, pipeline.activity == Activity::Kind::joining_group,
                                   options_.ingest(key).value_or(IngestStatus{}));
        }
        if (!behind.held_up.empty()) add(all.held_up, key, behind.held_up);
        if (behind.going_on.empty()) continue;
        if (!pipeline.reason.empty()) behind.going_on += "; " + pipeline.reason;
        add(all.going_on, key, behind.going_on);
    }
    return all;
}

bool CatchUp::rest(std::chrono::milliseconds time) {
    std::unique_lock lock{mutex_};
    return !changed_.wait_for(lock, time, [this] { return ending_; });
}

}  // namespace sluice
