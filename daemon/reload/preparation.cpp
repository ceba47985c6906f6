#include "daemon/reload/preparation.h"

#include "daemon/reload/pipeline_checks.h"
#include "pipeline/log.h"

namespace sluice {

using Kind = PipelineChange::Kind;

PreparationRequest request_for(const ReloadPlan& plan, const config::Config& config,
                               const std::map<std::string, std::string>& targets) {
    PreparationRequest request{config, {}, {}};
    for (const PipelineChange& change : plan.pipelines) {
        if (change.kind == Kind::restart || change.kind == Kind::added) {
            request.to_check.insert(change.pipeline);
            continue;
        }
        const auto target = targets.find(change.pipeline);
        if (change.kind != Kind::removed && target != targets.end()) {
            request.to_compare.insert(*target);
        }
    }
    return request;
}

void add_drift(const Preparation& prepared, ReloadPlan& plan) {
    for (PipelineChange& change : plan.pipelines) {
        const auto drifted = prepared.drifted.find(change.pipeline);
        if (drifted == prepared.drifted.end()) continue;
        change.kind = Kind::restart;
        change.reasons.push_back("its table is now " + drifted->second);
    }
}

Preparation prepare_reload(const PreparationRequest& request) {
    PipelineChecks checks{request.config};
    Preparation prepared;
    const auto pipelines = config::pipelines_of(request.config);
    for (const std::string& key : request.to_check) checks.check(pipelines.at(key));
    for (const Finding& finding : checks.findings()) {
        const std::string text =
            finding.remedy.empty() ? finding.text : finding.text + "; " + finding.remedy;
        if (finding.severity == Finding::Severity::error) prepared.problems.push_back(text);
        if (finding.severity == Finding::Severity::warning) log(LogLevel::warn, "sluice", text);
    }
    if (!prepared.problems.empty()) return prepared;
    for (const auto& [key, target] : request.to_compare) {
        auto now = checks.target_of(pipelines.at(key));
        if (now && *now != target) prepared.drifted[key] = std::move(*now);
    }
    return prepared;
}

}  // namespace sluice
