#include "daemon/process/catch_up.h"

#include "daemon/process/progress_goals.h"
#include "kafka/client.h"
#include "pipeline/errors.h"
#include "pipeline/log.h"

#include <algorithm>
#include <map>
#include <utility>

namespace sluice {
namespace {

using namespace std::chrono_literals;

std::string first_behind(const ProgressGoals& goals) {
    for (const ProgressGoal& goal : goals.goals()) {
        if (goal.reached()) continue;
        return "partition " + std::to_string(goal.partition) + " is at " +
               (goal.next ? std::to_string(*goal.next) : "its beginning") + " of " +
               std::to_string(goal.until);
    }
    return {};
}

/// Of a pipeline that has failed again and again; empty: none has.
std::string failure_in(const SupervisorStatus& status) {
    for (const auto& [key, pipeline] : status.pipelines) {
        if (pipeline.state == PipelineState::failed) return key + " failed: " + pipeline.reason;
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

    /// What keeps this pipeline; empty: it has caught up, as have those that are not known here.
    /// Throws TroubleOfTheWorld and DatabaseError.
    std::string behind(const std::string& key) {
        const auto found = waiting_.find(key);
        if (found == waiting_.end()) return {};
        ProgressGoals& goals = aimed(found->second);
        goals.read(session_);
        std::string behind = first_behind(goals);
        if (behind.empty()) waiting_.erase(found);
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
        return waiting.goals.emplace(std::move(goals));
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
            behind = behind_in(status, topics);
            if (behind.empty()) return options_.on_end({.caught_up = true, .reason = {}});
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

std::string CatchUp::behind_in(const SupervisorStatus& status, Topics& topics) const {
    std::string all;
    for (const auto& [key, pipeline] : status.pipelines) {
        const bool is_outbox = key.starts_with("outbox.");
        std::string behind = is_outbox ? "" : topics.behind(key);
        if (is_outbox && !options_.was_empty(key)) behind = "it was not yet seen empty";
        if (behind.empty()) continue;
        if (!pipeline.reason.empty()) behind += "; " + pipeline.reason;
        all += (all.empty() ? "" : "; ") + key + ": " + behind;
    }
    return all;
}

bool CatchUp::rest(std::chrono::milliseconds time) {
    std::unique_lock lock{mutex_};
    return !changed_.wait_for(lock, time, [this] { return ending_; });
}

}  // namespace sluice
