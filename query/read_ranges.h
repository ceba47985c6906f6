#pragma once

#include "config/condition/condition.h"
#include "pipeline/record.h"

#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

namespace sluice::query {

inline constexpr std::int64_t no_lower_bound = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t no_upper_bound = std::numeric_limits<std::int64_t>::max();

/// Where in one partition records can lie that fulfil a condition: offsets and timestamps, both
/// half-open.
struct ReadRange {
    OffsetRange offsets{0, no_upper_bound};
    std::int64_t from_ms = no_lower_bound;
    std::int64_t to_ms = no_upper_bound;

    bool operator==(const ReadRange&) const = default;
};

/// The ranges of a partition that have to be read for a condition over record_fields(): none is
/// missing, and there may be more in them than fulfils it. Empty: the partition need not be read.
/// Ordered by offsets; ranges that differ in their times may overlap.
[[nodiscard]] std::vector<ReadRange> ranges_to_read(const config::Condition& condition,
                                                    const TopicPartition& partition);

/// The same held against what the partition holds: apart from each other and ascending, beginning
/// no earlier than the first record of their time. `first_at` tells its offset for a time after
/// 1970, or the partition's end. What ends by time alone ends by offset where the partition does,
/// since timestamps need not ascend; its to_ms stays, for a reader that sees the records.
[[nodiscard]] std::vector<ReadRange> settle(std::vector<ReadRange> ranges, OffsetRange available,
                                            const std::function<Offset(std::int64_t)>& first_at);

}  // namespace sluice::query
