#pragma once

#include "config/config.h"
#include "daemon/supervisor/pipeline_status.h"
#include "pipeline/ingest/ingest_status.h"

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace sluice {

/// Where ingest pipelines stand that have failed: they read nothing that would tell how far behind
/// they are, so database and broker are asked. From any thread.
class StoppedLag {
public:
    /// Asks for all that have failed; takes as long as they take to answer.
    void look(const config::Config& config, const SupervisorStatus& supervised);
    /// What was found, as the partitions of this one; as it is, where nothing was.
    void fill(const std::string& key, IngestStatus& status) const;

private:
    using Partitions = std::vector<IngestStatus::Partition>;

    mutable std::mutex mutex_;
    std::map<std::string, Partitions> found_;
};

/// Whether the lag of a pipeline in this state is for StoppedLag to say.
[[nodiscard]] bool cannot_tell_its_lag(PipelineState state);

}  // namespace sluice
