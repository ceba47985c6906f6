#include "sinks/verify/range_comparison.h"

#include <algorithm>
#include <limits>

namespace sluice {
namespace {

constexpr std::size_t examples = 10;
constexpr Offset never = std::numeric_limits<Offset>::max();

void list(std::vector<Offset>& some_of_them, Offset offset) {
    if (some_of_them.size() < examples) some_of_them.push_back(offset);
}

}  // namespace

RangeComparison::RangeComparison(VerifiedPartition& partition, const std::vector<Offset>& begins)
    : partition_(partition), cuts_(begins.size(), never), lowest_rewind_(never) {
    if (begins.empty()) return;
    first_ = *std::ranges::min_element(begins);
    for (std::size_t i = begins.size() - 1; i > 0; --i) {
        cuts_[i - 1] = std::min(cuts_[i], begins[i]);
    }
    lowest_rewind_ = cuts_.front();
}

Offset RangeComparison::cut(int incarnation) const {
    const auto index = static_cast<std::size_t>(incarnation);
    return index < cuts_.size() ? cuts_[index] : never;
}

void RangeComparison::begin_range(LedgerRange range) {
    Current next{.range = range, .least = range.loaded, .most = range.loaded};
    const Offset end = cut(range.incarnation);
    if (range.offsets.to > end) {
        rewound_until_ = std::max(rewound_until_, range.offsets.to);
        // Of what was loaded, so much at most lies behind the cut.
        const Offset behind = range.offsets.to - std::max(end, range.offsets.from);
        next.range.offsets.to = end;
        next.least = std::max<std::int64_t>(0, range.loaded - behind);
        next.most = std::min<std::int64_t>(range.loaded, end - range.offsets.from);
    }
    // Where an incarnation ended, there is a row of no offsets.
    if (next.range.offsets.from >= next.range.offsets.to) return;
    end_range();
    current_ = next;
    expected_ = range.offsets.from;
}

/// Whatever comes lies at or behind this offset.
void RangeComparison::pass(Offset offset) {
    if (current_ && offset >= current_->range.offsets.to) end_range();
}

void RangeComparison::row(Offset offset) {
    if (offset < first_) {  // kafka_fdw's, or whoever filled the table before
        ++partition_.before_anchor;
        return;
    }
    pass(offset);
    ++*partition_.rows;
    if (offset == last_row_) {
        if (is_rewound(offset)) {
            ++partition_.before_rewind;
        } else {
            ++partition_.doubled;
            list(partition_.some_doubled, offset);
        }
        return;
    }
    last_row_ = offset;
    if (!current_) {
        ++(is_rewound(offset) ? partition_.before_rewind : partition_.unaccounted);
        return;
    }
    list_missing(offset);
    expected_ = offset + 1;
    ++current_->rows;
}

void RangeComparison::dead_letter(Offset offset, int incarnation) {
    if (offset >= cut(incarnation)) return;
    pass(offset);
    if (!current_) return;
    list_missing(offset);
    expected_ = offset + 1;
}

void RangeComparison::retried(Offset offset, int incarnation) {
    if (offset >= cut(incarnation)) return;
    pass(offset);
    if (!current_) return;
    ++current_->least;
    ++current_->most;
}

void RangeComparison::end_range() {
    if (!current_) return;
    const OffsetRange& offsets = current_->range.offsets;
    list_missing(offsets.to);
    partition_.missing += std::max<std::int64_t>(0, current_->least - current_->rows);
    const std::int64_t beyond = std::max<std::int64_t>(0, current_->rows - current_->most);
    // An offset that gave a row once and gives none now still has the old one.
    const bool was_rewound = offsets.to > lowest_rewind_ && offsets.from < rewound_until_;
    (was_rewound ? partition_.before_rewind : partition_.unaccounted) += beyond;
    current_.reset();
}

void RangeComparison::list_missing(Offset until) {
    if (!current_->range.complete) return;
    for (; expected_ < until && partition_.some_missing.size() < examples; ++expected_) {
        partition_.some_missing.push_back(expected_);
    }
}

}  // namespace sluice
