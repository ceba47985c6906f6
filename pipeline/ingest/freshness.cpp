#include "pipeline/ingest/freshness.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <vector>

namespace sluice {

/// Records come nearly in the order of their times, so the bound of the last one mostly fits.
double observe_freshness(metrics::Histogram& freshness, const Batch& batch) {
    const std::span<const double> bounds = metrics::age_bounds();
    std::vector<double> counts(bounds.size() + 1, 0);
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    double sum = 0;
    double oldest = 0;
    std::size_t bound = 0;
    for (std::size_t i = 0; i < batch.records.size(); ++i) {
        const auto index = static_cast<RecordLog::Index>(i);
        const std::int64_t timestamp = batch.records.timestamp_ms(index);
        if (timestamp < 0 || !batch.has(batch.records.from(index)->id)) continue;
        const double age = std::max(0.0, static_cast<double>(now - timestamp) / 1000);
        while (bound < bounds.size() && age > bounds[bound]) ++bound;
        while (bound > 0 && age <= bounds[bound - 1]) --bound;
        ++counts[bound];
        sum += age;
        oldest = std::max(oldest, age);
    }
    freshness.observe(counts, sum);
    return oldest;
}

}  // namespace sluice
