#pragma once

#include "daemon/identity/instance_name.h"
#include "daemon/supervisor/observatory.h"
#include "daemon/supervisor/running_pipeline.h"
#include "registry/shared_registry.h"
#include "segments/server.h"

#include <memory>
#include <string>

namespace sluice {

/// What an ingest pipeline shares with the process that it runs in.
struct IngestSurroundings {
    std::string writer;  ///< who writes, for people who read progress and ledger
    InstanceName& instance;
    Observatory& observatory;
    registry::SharedRegistry& registry;
    segments::Server& segments;
};

/// The composition root of ingest: the one place that joins Kafka, mapping and Cloudberry. `config`
/// is of an ingest pipeline; `wait` is told what is waited for, then and when it runs. Throws
/// TroubleOfTheWorld or WrongConfiguration when Kafka, the database or the table do not permit the
/// pipeline now.
[[nodiscard]] std::unique_ptr<RunningPipeline> build_ingest(
    const PipelineConfig& config, const std::shared_ptr<OutsideWait>& wait,
    const IngestSurroundings& around);

}  // namespace sluice
