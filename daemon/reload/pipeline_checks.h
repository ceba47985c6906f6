#pragma once

#include "config/load.h"
#include "config/pipeline.h"
#include "sinks/catalogue/finding.h"

#include <set>
#include <string>
#include <vector>

namespace sluice {

/// Whether pipelines can run as they are configured.
struct CheckedPipelines {
    struct Fit {
        std::string pipeline;  ///< its key: "ingest.orders"
        std::string text;      ///< "topic orders (4 partitions) → public.orders (5 columns)"
    };
    std::vector<Fit> fit;  ///< those that have all they need
    /// What concerns all comes first, then pipeline by pipeline.
    std::vector<Finding> findings;

    [[nodiscard]] bool any_error() const;
};

/// Sluice's own, which may be about to be made or upgraded.
enum class OwnTables { asked_for, left_out };

/// Asks Kafka and the database about the pipelines of these keys, several of them at once, and goes
/// on to the next question whatever one meets. Blocks for a bounded time; asks nobody when there is
/// no pipeline.
[[nodiscard]] CheckedPipelines check_pipelines(const config::Config& config,
                                               const std::set<std::string>& keys,
                                               OwnTables own_tables = OwnTables::asked_for);
/// What Kafka and the database say is of lines of the file as well: fills their `place`. Hints are
/// of no line, since one is told for many pipelines.
void find_places(std::vector<Finding>& findings, const config::Places& places);
/// What can be told without asking either, beside the file's own problems. What the file takes from
/// elsewhere and is not here is one hint each.
[[nodiscard]] CheckedPipelines check_offline(const config::Loaded& loaded,
                                             const std::set<std::string>& keys);

}  // namespace sluice
