#pragma once

#include "metrics/registry.h"
#include "pipeline/batch.h"

namespace sluice {

/// Counts how long ago each record was written, by its timestamp, of a batch that is committed now.
/// Returns the oldest one's age in seconds. `freshness`: over metrics::age_bounds().
double observe_freshness(metrics::Histogram& freshness, const Batch& batch);

}  // namespace sluice
