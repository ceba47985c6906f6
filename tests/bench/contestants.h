#pragma once

#include "tests/bench/measure.h"
#include "tests/bench/stage.h"
#include "tests/fixture/daemon.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

/// Each way of getting the same rows into a table, timed once. All throw when rows are missing.
namespace sluice::bench {

enum class CopyFormat { csv, binary };

/// `psql -c '\copy …'` from a file, the process's start included.
[[nodiscard]] double copy_seconds(Stage& stage, const std::string& table,
                                  const std::filesystem::path& file, CopyFormat format);
/// The file for CopyFormat::binary, out of a table that is filled.
[[nodiscard]] std::filesystem::path binary_file(Stage& stage, const std::string& table);

/// Reading a whole topic with librdkafka and looking at nothing.
[[nodiscard]] double consume_seconds(Stage& stage, const std::string& topic, int partitions,
                                     std::int64_t records);

struct DaemonRun {
    double seconds = 0;        ///< from the start of the process to the last commit
    double first_seconds = 0;  ///< … to the first
    Usage usage;               ///< then
    int connections = 0;       ///< of the database, then
};

/// `sluice run` until the progress of these pipelines adds up to `records`, then SIGTERM. With more
/// than one daemon, usage and connections are sums.
[[nodiscard]] DaemonRun run_daemons(Stage& stage, const std::vector<Ingest>& pipelines,
                                    std::int64_t records, int daemons = 1);

/// Reads how far pipelines have come, by the session that it keeps.
class Progress {
public:
    Progress(Stage& stage, const std::vector<std::string>& pipelines);
    /// How many offsets are accounted for; 0 while nothing is there.
    [[nodiscard]] std::int64_t sum();
    /// By partition, for one pipeline.
    [[nodiscard]] std::vector<std::int64_t> next_offsets();

private:
    [[nodiscard]] fixture::SqlRows ask(const std::string& sql);

    fixture::PgConnection session_;
    std::string where_;
};

}  // namespace sluice::bench
