#include "daemon/admin/stopped_lag.h"

#include "daemon/admin/pipeline_overview.h"
#include "pipeline/ingest/observed_partition.h"

#include <utility>

namespace sluice {

bool cannot_tell_its_lag(PipelineState state) {
    using enum PipelineState;
    return state == failed || state == backing_off || state == held || state == scheduled ||
           state == paused;
}

namespace {

/// Since somebody, or the schedule, says so: nothing is behind what it should be.
bool waits_on_purpose(PipelineState state) {
    return state == PipelineState::scheduled || state == PipelineState::paused;
}

}  // namespace

void StoppedLag::look(const config::Config& config, const SupervisorStatus& supervised) {
    std::map<std::string, Found> found;
    for (const config::Ingest& ingest : config.ingest) {
        const std::string key = "ingest." + ingest.name;
        const auto status = supervised.pipelines.find(key);
        if (status == supervised.pipelines.end() || !cannot_tell_its_lag(status->second.state)) {
            continue;
        }
        const PipelineOverview overview = look_up(config, ingest);
        if (!overview.lag) continue;
        auto& [partitions, lags] = found[key];
        for (const PipelineOverview::Partition& told : overview.partitions) {
            IngestStatus::Partition& partition = partitions.emplace_back();
            const TopicPartition named{told.topic, static_cast<PartitionNumber>(told.partition)};
            partition.topic = named.topic;
            partition.partition = named.number;
            partition.lane = IngestStatus::Partition::no_lane;
            partition.end = told.end;
            partition.lag = told.lag;
            partition.next = told.next.value_or(told.end.value_or(told.lag) - told.lag);
            // To whoever is woken by it, what is to wait is no lag.
            if (waits_on_purpose(status->second.state)) continue;
            lags.push_back(lag_gauge(registry_, ingest.name, named));
            lags.back().set(static_cast<double>(told.lag));
        }
    }
    const std::lock_guard lock{mutex_};
    found_.swap(found);
}

void StoppedLag::fill(const std::string& key, IngestStatus& status) const {
    const std::lock_guard lock{mutex_};
    if (const auto found = found_.find(key); found != found_.end()) {
        status.partitions = found->second.partitions;
    }
}

}  // namespace sluice
