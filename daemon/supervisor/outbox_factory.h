#pragma once

#include "daemon/supervisor/observatory.h"
#include "daemon/supervisor/running_pipeline.h"
#include "registry/shared_registry.h"

#include <memory>
#include <string>

namespace sluice {

/// The composition root of outboxes: the one place that joins table, relay and Kafka. `writer` goes
/// into the books. `wait` is told what is waited for. Throws TroubleOfTheWorld or
/// WrongConfiguration when the database or the table do not permit the pipeline now.
[[nodiscard]] std::unique_ptr<RunningPipeline> build_outbox(const PipelineConfig& config,
                                                            const std::string& writer,
                                                            Observatory& observatory,
                                                            registry::SharedRegistry& registry,
                                                            OutsideWait& wait);

}  // namespace sluice
