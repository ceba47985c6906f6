#pragma once

#include "config/config.h"
#include "daemon/admin/pipeline_overview.h"
#include "daemon/supervisor/pipeline_status.h"
#include "metrics/registry.h"
#include "pipeline/ingest/ingest_status.h"

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace sluice {

/// Where ingest pipelines stand that do not run, since they failed, are held, paused or outside of
/// their times: they read nothing that would tell how far behind they are, so database and broker
/// are asked. Holds the lag's series of those that should run, for as long as they do not. From any
/// thread.
class StoppedLag {
public:
    /// Of one pipeline; without a lag: they could not be asked.
    using LookUp =
        std::function<PipelineOverview(const config::Config& config, const config::Ingest& ingest)>;
    explicit StoppedLag(metrics::Registry& registry);
    StoppedLag(metrics::Registry& registry, LookUp look_up);

    /// Asks for all that do not run, of those that wait on purpose when they began to and once a
    /// minute; takes as long as they take to answer.
    void look(const config::Config& config, const SupervisorStatus& supervised);
    /// What was found, as the partitions of this one; as it is, where nothing was.
    void fill(const std::string& key, IngestStatus& status) const;

private:
    using Clock = std::chrono::system_clock;

    struct Found {
        Clock::time_point asked;
        std::vector<IngestStatus::Partition> partitions;
        std::vector<metrics::Gauge> lags;
    };

    [[nodiscard]] const Found* still_holds(const std::string& key,
                                           const PipelineStatus& status) const;

    metrics::Registry& registry_;
    const LookUp look_up_;
    mutable std::mutex mutex_;  // guards what follows
    std::map<std::string, Found> found_;
};

/// Whether the lag of a pipeline in this state is for StoppedLag to say.
[[nodiscard]] bool cannot_tell_its_lag(PipelineState state);

}  // namespace sluice
