#include "daemon/preparation.h"

#include "daemon/pipeline_checks.h"
#include "pipeline/log.h"

namespace sluice {

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
