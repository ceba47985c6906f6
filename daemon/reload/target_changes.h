#pragma once

#include "config/settings.h"

#include <string>
#include <vector>

namespace sluice {

/// The settings of a pipeline before and after, told apart by what happened to its several targets:
/// settings count them, and people know them by their tables.
struct MatchedTargets {
    struct Change {
        std::string key;   ///< of the target: "into.2"; of all of them: "into"
        std::string text;  ///< "target added, table lake.events"
        bool is_there;     ///< in the configuration to come
    };
    config::Settings from;  ///< by key; of targets that are in both, with the numbers of `to`
    config::Settings to;    ///< as is this; neither has any that was added or removed
    std::vector<Change> changes;
};
[[nodiscard]] MatchedTargets match_targets(const config::Settings& from,
                                           const config::Settings& to);

}  // namespace sluice
