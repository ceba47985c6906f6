#pragma once

#include "daemon/report/recent_log.h"
#include "daemon/supervisor/pipeline_status.h"
#include "pipeline/ingest/ingest_status.h"
#include "pipeline/outbox/outbox_status.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// All that the daemon tells of itself at one moment. A value.
struct DaemonStatus {
    /// Of a pipeline's dead letters, by request.
    struct Retry {
        std::chrono::system_clock::time_point started;
        std::optional<std::chrono::system_clock::time_point> ended{};
        std::optional<std::int64_t> all{};  ///< once they were counted
        std::int64_t loaded = 0;
        std::int64_t filtered = 0;
        std::int64_t rejected = 0;  ///< again
        std::string problem{};      ///< that ended it early
    };
    struct Pipeline {
        std::string key;  ///< "ingest.orders"
        std::string name;
        std::string kind;
        std::string topic;
        std::string table;
        PipelineStatus supervised;
        std::optional<IngestStatus> ingest{};  ///< once it was built, as is the other
        std::optional<OutboxStatus> outbox{};
        std::optional<Retry> retry{};  ///< the latest
    };
    struct Reload {
        std::chrono::system_clock::time_point at;
        std::string result;  ///< "applied", "unchanged", "refused"
        std::string trigger;
        std::string revision;
        std::string summary;
        std::vector<std::string> problems;
    };

    std::string version;
    std::string librdkafka;  ///< its version
    std::chrono::system_clock::time_point started;
    std::string revision;
    bool draining = false;
    std::vector<Pipeline> pipelines;
    std::vector<Reload> reloads;  ///< the latest first
    std::vector<LogLine> log;     ///< warnings and errors, the latest first
};

/// Why this pipeline is not at work as it should be, in words; empty: it is.
[[nodiscard]] std::string why_not_ready(const DaemonStatus::Pipeline& pipeline);
/// The same, and why somebody should look at a pipeline that is at work: it rejects nearly all.
[[nodiscard]] std::string why_not_fine(const DaemonStatus::Pipeline& pipeline);
[[nodiscard]] bool is_ready(const DaemonStatus& status);

/// For /status.
[[nodiscard]] std::string to_json(const DaemonStatus& status);
/// For /readyz: whether it is ready, and each pipeline that is not, with the reason.
[[nodiscard]] std::string readiness_json(const DaemonStatus& status);

}  // namespace sluice
