#pragma once

#include "daemon/reload/reload_plan.h"
#include "daemon/supervisor/pipeline_status.h"

#include <map>
#include <string>
#include <string_view>
#include <variant>

namespace sluice {

/// What a daemon tells of its configuration to those who want to compare theirs: all settings, with
/// fingerprints in place of secrets, and the tables that its pipelines run on.
struct PublishedSettings {
    std::string salt;  ///< of the fingerprints
    ConfiguredSettings settings;
    std::map<std::string, std::string>
        targets;  ///< key → PipelineStatus::target, of those that run
};

[[nodiscard]] PublishedSettings publish(const config::Config& config,
                                        const SupervisorStatus& status, std::string salt);
/// For GET /settings.
[[nodiscard]] std::string to_json(const PublishedSettings& published);
/// The other way round, or what is wrong with it.
[[nodiscard]] std::variant<PublishedSettings, std::string> parse_published(std::string_view json);

/// Of one configuration, as they would be published with this salt: to be compared with others.
[[nodiscard]] ConfiguredSettings with_fingerprints(ConfiguredSettings settings,
                                                   std::string_view salt);

}  // namespace sluice
