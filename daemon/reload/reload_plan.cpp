#include "daemon/reload/reload_plan.h"

#include "daemon/reload/target_changes.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace sluice {
namespace {

using Kind = PipelineChange::Kind;

std::string at_line(const std::optional<config::Place>& at) {
    return at ? " (line " + std::to_string(at->line) + ")" : "";
}

/// A key that comes or goes with others, and was not, or is not, set.
bool is_nothing_to_eyes(const config::SettingChange& change) {
    return change.shown == config::Setting::Shown::yes && change.from.empty() && change.to.empty();
}

/// `section`: "ingest.orders", or none. What of other sections decides about a pipeline, such as
/// "kafka.brokers", is named in full.
std::vector<std::string> texts_of(const std::vector<config::SettingChange>& changes,
                                  const std::string& section, const config::Places& places) {
    std::vector<std::string> texts;
    for (const config::SettingChange& change : changes) {
        if (is_nothing_to_eyes(change)) continue;
        auto at = places.of_key(section + "." + change.key);
        if (!at) at = places.of_key(change.key);
        texts.push_back(to_string(change) + at_line(at));
    }
    return texts;
}

PipelineChange change_of(const std::string& key, const config::Settings& from,
                         const config::Settings& to, const config::Places& places) {
    const auto changes = config::changes_between(from, to);
    if (changes.empty()) return {key, Kind::unchanged, {}};
    const MatchedTargets targets = match_targets(from, to);
    std::vector<std::string> reasons =
        texts_of(config::changes_between(targets.from, targets.to), key, places);
    for (const auto& [target, text, is_there] : targets.changes)
        reasons.push_back(target + ": " + text +
                          at_line(is_there ? places.of_key(key + "." + target) : std::nullopt));
    return {key, config::needs_restart(changes) ? Kind::restart : Kind::in_place,
            std::move(reasons)};
}

}  // namespace

const char* name_of(Kind kind) {
    switch (kind) {
        case Kind::unchanged:
            return "unchanged";
        case Kind::in_place:
            return "in_place";
        case Kind::restart:
            return "restart";
        case Kind::added:
            return "added";
        case Kind::removed:
            break;
    }
    return "removed";
}

ConfiguredSettings settings_of(const config::Config& config) {
    ConfiguredSettings all{config.revision, config::process_settings_of(config), {}};
    for (const auto& [key, pipeline] : config::pipelines_of(config)) {
        all.pipelines[key] = config::settings_of(pipeline);
    }
    return all;
}

bool ReloadPlan::changes_nothing() const {
    return process.empty() && count(Kind::unchanged) == static_cast<int>(pipelines.size());
}

int ReloadPlan::count(Kind kind) const {
    return static_cast<int>(std::ranges::count(pipelines, kind, &PipelineChange::kind));
}

ReloadPlan plan_reload(const ConfiguredSettings& from, const ConfiguredSettings& to,
                       const config::Places& places) {
    ReloadPlan plan;
    plan.process = texts_of(config::changes_between(from.process, to.process), "", places);
    for (const auto& [key, settings] : from.pipelines) {
        const auto found = to.pipelines.find(key);
        plan.pipelines.push_back(found == to.pipelines.end()
                                     ? PipelineChange{key, Kind::removed, {}}
                                     : change_of(key, settings, found->second, places));
    }
    for (const auto& [key, settings] : to.pipelines) {
        if (!from.pipelines.contains(key)) plan.pipelines.push_back({key, Kind::added, {}});
    }
    std::ranges::sort(plan.pipelines, {}, &PipelineChange::pipeline);
    return plan;
}

std::string summary_of(const ReloadPlan& plan) {
    constexpr std::pair<Kind, const char*> words[] = {{Kind::added, "added"},
                                                      {Kind::removed, "removed"},
                                                      {Kind::restart, "restarted"},
                                                      {Kind::in_place, "changed in place"},
                                                      {Kind::unchanged, "unchanged"}};
    std::string text;
    for (const auto& [kind, word] : words) {
        const int count = plan.count(kind);
        if (count == 0) continue;
        if (!text.empty()) text += ", ";
        text += std::to_string(count) + " " + word;
    }
    return text.empty() ? "no pipelines" : text;
}

}  // namespace sluice
