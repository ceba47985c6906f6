#pragma once

#include "config/config.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// What `sluice status` shows of one pipeline, wherever it comes from.
struct PipelineOverview {
    struct Partition {
        std::string topic;
        std::int64_t partition = 0;
        std::optional<std::int64_t> next;  ///< progress; nullopt: nothing was ever read
        std::optional<std::int64_t> end;
        std::int64_t lag = 0;
        double lag_seconds = 0;
    };
    /// Of an outbox: what the daemon knows, or what the database and Kafka do.
    struct Outbox {
        std::string role;
        std::optional<double> backlog_seconds;
        std::optional<std::int64_t> unclaimed;  ///< rows, as are the next two
        std::optional<std::int64_t> claimed;    ///< and not sent yet
        std::optional<std::int64_t> sent;       ///< and not deleted yet
        std::optional<std::int64_t> batch;      ///< the last one that was claimed
        std::optional<std::int64_t> mark;       ///< the last one that was sent
    };
    std::string key;
    std::string state;  ///< "running", "waiting for data", "stuck", …
    std::string reason;
    std::optional<double> rows_per_second;  ///< of an outbox: events
    /// Open ones; of a daemon that cannot count them, those since its start. Of an outbox: refused
    /// events, open ones likewise.
    std::int64_t dead_letters = 0;
    std::optional<std::int64_t> lag;  ///< records, or rows that were not sent
    bool ready = false;
    bool fine = false;  ///< and nobody needs to look
    std::vector<Partition> partitions;
    std::optional<Outbox> outbox;
};

struct Overview {
    enum class Source { daemon, database };
    Source source = Source::daemon;
    std::string revision;   ///< that the daemon runs by
    std::string refusal{};  ///< why it refused the latest reload; empty: it did not
    std::vector<PipelineOverview> pipelines;
};

/// What the daemon says under /status; nullopt: it is no such thing.
[[nodiscard]] std::optional<Overview> parse_overview(const std::string& status_json);
/// What database and broker know of one pipeline. Without a lag: they could not be asked.
[[nodiscard]] PipelineOverview look_up(const config::Config& config, const config::Ingest& ingest);
/// What they know, when no daemon is asked. A pipeline that cannot be looked at
/// says why.
[[nodiscard]] Overview look_up(const config::Config& config);

/// Those first that somebody has to look at.
[[nodiscard]] std::string overview_table(Overview overview);
[[nodiscard]] std::string overview_json(const Overview& overview);

}  // namespace sluice
