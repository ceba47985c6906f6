#pragma once

#include "daemon/running_pipeline.h"

#include <memory>
#include <string>

namespace sluice {

/// The composition root of ingest: the one place that joins Kafka, mapping and Cloudberry. `writer`
/// and `revision` go into progress and ledger. `config` is of an ingest pipeline. Throws
/// TroubleOfTheWorld or WrongConfiguration when Kafka, the database or the table do not permit the
/// pipeline now.
[[nodiscard]] std::unique_ptr<RunningPipeline> build_ingest(const PipelineConfig& config,
                                                            const std::string& writer,
                                                            const std::string& revision);

}  // namespace sluice
