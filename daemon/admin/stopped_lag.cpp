#include "daemon/admin/stopped_lag.h"

#include "pipeline/ingest/observed_partition.h"

#include <utility>

namespace sluice {

bool cannot_tell_its_lag(PipelineState state) {
    using enum PipelineState;
    return state == failed || state == backing_off || state == held || state == scheduled ||
           state == paused;
}

namespace {

/// What waits does not move by itself; each question costs a Kafka client and a session.
constexpr std::chrono::minutes between_looks_at_waiting{1};

/// Since somebody, or the schedule, says so: nothing is behind what it should be.
bool waits_on_purpose(PipelineState state) {
    return state == PipelineState::scheduled || state == PipelineState::paused;
}

}  // namespace

StoppedLag::StoppedLag(metrics::Registry& registry)
    : StoppedLag(registry, [](const config::Config& config, const config::Ingest& ingest) {
          return sluice::look_up(config, ingest);
      }) {}

StoppedLag::StoppedLag(metrics::Registry& registry, LookUp look_up)
    : registry_(registry), look_up_(std::move(look_up)) {}

void StoppedLag::look(const config::Config& config, const SupervisorStatus& supervised) {
    std::map<std::string, Found> found;
    for (const config::Ingest& ingest : config.ingest) {
        const std::string key = "ingest." + ingest.name;
        const auto status = supervised.pipelines.find(key);
        if (status == supervised.pipelines.end() || !cannot_tell_its_lag(status->second.state)) {
            continue;
        }
        Found& now = found[key];
        if (const auto before = still_holds(key, status->second)) {
            now = {before->asked, before->partitions, {}};
            continue;
        }
        now.asked = Clock::now();
        const PipelineOverview overview = look_up_(config, ingest);
        if (!overview.lag) continue;
        for (const PipelineOverview::Partition& told : overview.partitions) {
            IngestStatus::Partition& partition = now.partitions.emplace_back();
            const TopicPartition named{told.topic, static_cast<PartitionNumber>(told.partition)};
            partition.topic = named.topic;
            partition.partition = named.number;
            partition.lane = IngestStatus::Partition::no_lane;
            partition.end = told.end;
            partition.lag = told.lag;
            partition.next = told.next.value_or(told.end.value_or(told.lag) - told.lag);
            // To whoever is woken by it, what is to wait is no lag.
            if (waits_on_purpose(status->second.state)) continue;
            now.lags.push_back(lag_gauge(registry_, ingest.name, named));
            now.lags.back().set(static_cast<double>(told.lag));
        }
    }
    const std::lock_guard lock{mutex_};
    found_.swap(found);
}

/// Null: it has to be asked. Only look() changes what is found, so that it may read on unlocked.
const StoppedLag::Found* StoppedLag::still_holds(const std::string& key,
                                                 const PipelineStatus& status) const {
    if (!waits_on_purpose(status.state)) return nullptr;
    const std::lock_guard lock{mutex_};
    const auto before = found_.find(key);
    if (before == found_.end()) return nullptr;
    const Clock::time_point asked = before->second.asked;
    const bool holds = asked >= status.since && Clock::now() - asked < between_looks_at_waiting;
    return holds ? &before->second : nullptr;
}

void StoppedLag::fill(const std::string& key, IngestStatus& status) const {
    const std::lock_guard lock{mutex_};
    const auto found = found_.find(key);
    if (found != found_.end() && !found->second.partitions.empty()) {
        status.partitions = found->second.partitions;
    }
}

}  // namespace sluice
