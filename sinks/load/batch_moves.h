#pragma once

#include "pipeline/batch.h"

#include <vector>

namespace sluice {

/// How a batch moves one partition's progress.
struct BatchMove {
    PartitionId partition = 0;
    OffsetRange range;
    bool operator==(const BatchMove&) const = default;
};

/// Tells whether a batch is the one of before, too.
[[nodiscard]] inline std::vector<BatchMove> moves_of(const Batch& batch) {
    std::vector<BatchMove> moves;
    for (const Slice& slice : batch.slices())
        if (slice.moves()) moves.push_back({slice.partition, slice.range});
    return moves;
}

}  // namespace sluice
