#pragma once

#include "config/config.h"
#include "pipeline/ingest/lane.h"
#include "pipeline/ingest/ports.h"
#include "pipeline/partition_table.h"

namespace sluice {

/// Where a pipeline goes on with a partition that does not hold what its progress says. Used by the
/// control thread; all that it is made of outlives it.
class LostPositions {
public:
    LostPositions(const config::Ingest& config, ConsumerGroup& group, ProgressStore& progress,
                  const PartitionTable& partitions)
        : config_(config), group_(group), progress_(progress), partitions_(partitions) {}

    /// Moves progress there, as far as the configuration lets it. Returns whether the record before
    /// progress is still to be compared with the one that was read. Throws LostProgress where
    /// somebody has to choose, TroubleOfTheWorld.
    [[nodiscard]] bool choose(PartitionId partition, LostPosition how);

private:
    /// Of what a partition holds that does not go on where it was read up to.
    [[nodiscard]] Offset first_unread(const ResumePoint& point, OffsetRange available);

    const config::Ingest& config_;
    ConsumerGroup& group_;
    ProgressStore& progress_;
    const PartitionTable& partitions_;
};

}  // namespace sluice
