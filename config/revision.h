#pragma once

#include "config/pipeline.h"

#include <string>

/// 12 hex digits that change with what is configured, and not with comments, order or spelling, nor
/// with what lets in: they are in the ledger, in logs and metrics, for all to see. The same on
/// every machine. They tell revisions apart; they are no signature.
namespace sluice::config {

/// Of all that is configured (Config::revision itself aside).
[[nodiscard]] std::string revision_of(const Config& config);

/// Of what decides what becomes of this pipeline's records: its settings, less those that apply in
/// place. Other pipelines, and limits of batches, leave it as it is.
[[nodiscard]] std::string revision_of(const Pipeline& pipeline);

}  // namespace sluice::config
