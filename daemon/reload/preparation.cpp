#include "daemon/reload/preparation.h"

#include "daemon/reload/pipeline_checks.h"
#include "pipeline/log.h"
#include "pipeline/mapping/target.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/outbox/outbox_table.h"

#include <optional>

namespace sluice {

using Kind = PipelineChange::Kind;

PreparationRequest request_for(const ReloadPlan& plan, const config::Config& config,
                               const std::map<std::string, std::string>& targets,
                               const config::Places& places) {
    PreparationRequest request{config, {}, {}, places};
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

namespace {

/// What the pipeline would run on now, as RunningPipeline::target() would say; nothing when it
/// could not run, or the database does not answer.
std::optional<std::string> target_of(Session& session, const config::Pipeline& pipeline) {
    const auto* ingest = std::get_if<config::Ingest>(&pipeline.of_kind);
    try {
        if (ingest == nullptr)
            return read_outbox_table(session, std::get<config::Outbox>(pipeline.of_kind)).text();
        // One of several tables that is altered is the business of those topics alone.
        if (ingest->routes() || config::grows(*ingest)) return config::tables_of(*ingest);
        return describe_target(*ingest, read_target(session, *ingest));
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

}  // namespace

Preparation prepare_reload(const PreparationRequest& request) {
    Preparation prepared;
    CheckedPipelines checked = check_pipelines(request.config, request.to_check);
    find_places(checked.findings, request.places);
    for (const Finding& finding : checked.findings) {
        if (finding.is_error()) prepared.problems.push_back(to_string(finding));
        if (finding.severity == Finding::Severity::warning)
            log(LogLevel::warn, "sluice", to_string(finding));
    }
    if (!prepared.problems.empty()) return prepared;
    const auto pipelines = config::pipelines_of(request.config);
    Session session{request.config.cloudberry.dsn.text, "sluice check"};
    for (const auto& [key, target] : request.to_compare) {
        auto now = target_of(session, pipelines.at(key));
        if (now && *now != target) prepared.drifted[key] = std::move(*now);
    }
    return prepared;
}

}  // namespace sluice
