#pragma once

#include "config/config.h"
#include "config/places.h"
#include "daemon/reload/reload_plan.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace sluice {

/// What is asked of the world before anything changes.
struct PreparationRequest {
    const config::Config& config;
    std::set<std::string> to_check;  ///< keys of the pipelines that are new or changed
    std::map<std::string, std::string> to_compare;  ///< others: key → target() of what runs
    config::Places places{};                        ///< of the file: problems are told with theirs
};
struct Preparation {
    std::vector<std::string> problems;           ///< any: the reload is refused
    std::map<std::string, std::string> drifted;  ///< of `to_compare`: key → what its target is now
};

/// What to ask for this plan; `targets`: what those run on that can be compared.
[[nodiscard]] PreparationRequest request_for(const ReloadPlan& plan, const config::Config& config,
                                             const std::map<std::string, std::string>& targets,
                                             const config::Places& places);
/// Pipelines whose tables have changed are restarted as well.
void add_drift(const Preparation& prepared, ReloadPlan& plan);

/// Asks Kafka and the database. Blocks for a bounded time; asks nobody when nothing is asked.
[[nodiscard]] Preparation prepare_reload(const PreparationRequest& request);

}  // namespace sluice
