#pragma once

#include "config/places.h"
#include "config/settings.h"

#include <map>
#include <string>
#include <vector>

namespace sluice {

/// All settings of one configuration.
struct ConfiguredSettings {
    std::string revision;
    config::Settings process;
    std::map<std::string, config::Settings> pipelines;  ///< by key: "ingest.orders"
};
[[nodiscard]] ConfiguredSettings settings_of(const config::Config& config);

/// What a reload does with one pipeline.
struct PipelineChange {
    enum class Kind { unchanged, in_place, restart, added, removed };
    std::string pipeline;  ///< its key
    Kind kind = Kind::unchanged;
    std::vector<std::string> reasons;  ///< "lanes: 2 → 4 (line 9)"; none when added or removed
};
/// "in_place" and so on.
[[nodiscard]] const char* name_of(PipelineChange::Kind kind);

/// What a reload does, before or after the fact.
struct ReloadPlan {
    std::vector<PipelineChange> pipelines;  ///< by key
    std::vector<std::string> process;       ///< "daemon.log_level: info → debug (line 3)"

    [[nodiscard]] bool changes_nothing() const;
    [[nodiscard]] int count(PipelineChange::Kind kind) const;
};
/// `places`: of the file that `to` was read from; reasons name the lines of what is written there.
[[nodiscard]] ReloadPlan plan_reload(const ConfiguredSettings& from, const ConfiguredSettings& to,
                                     const config::Places& places = {});

/// "1 restarted, 2 added, 97 unchanged".
[[nodiscard]] std::string summary_of(const ReloadPlan& plan);

}  // namespace sluice
