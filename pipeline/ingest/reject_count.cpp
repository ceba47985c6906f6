#include "pipeline/ingest/reject_count.h"

#include <algorithm>

namespace sluice {

std::string RejectCount::add(const Batch& batch, const config::MaxRejects& limit) {
    using Unit = config::MaxRejects::Unit;
    const std::lock_guard lock{mutex_};
    for (const Slice& slice : batch.slices()) {
        records_ += slice.range.size() - slice.gaps;
        rejected_ += slice.rejected;
    }
    const bool of_stretch = limit.unit == Unit::percent;
    const auto judged = static_cast<double>(std::max(records_, stretch));
    const double most = of_stretch ? limit.most / 100 * judged : limit.most;
    std::string why;
    if (static_cast<double>(rejected_) > most)
        why = std::to_string(rejected_) + " of " + (of_stretch ? "the latest " : "") +
              std::to_string(records_) + " records were rejected, and max_rejects = " +
              (of_stretch ? "\"" + limit.text + "\"" : limit.text) +
              "; their dead letters say why: mend that and resume the pipeline, which counts "
              "anew, or raise max_rejects";
    if (!why.empty() || (of_stretch && records_ >= stretch)) records_ = rejected_ = 0;
    return why;
}

}  // namespace sluice
