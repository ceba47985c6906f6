#pragma once

#include "config/config.h"
#include "pipeline/ingest/ports.h"
#include "pipeline/partition_table.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace sluice {

/// Where a pipeline goes on, or begins, with its partitions. Used by the control thread; all that
/// it is made of outlives it.
class ResumePoints {
public:
    ResumePoints(const config::Ingest& config, ConsumerGroup& group, ProgressStore& progress,
                 const PartitionTable& partitions)
        : config_(config), group_(group), progress_(progress), partitions_(partitions) {}

    /// Of these partitions; anchors those that have no progress. What of it fails for some topics
    /// is in `trouble`: their partitions are left out. Throws TroubleOfTheWorld.
    [[nodiscard]] std::vector<ResumePoint> read(const std::vector<PartitionId>& of,
                                                std::string& trouble);

private:
    using ByTopic = std::map<std::string, std::vector<PartitionId>>;

    void anchor(const std::vector<PartitionId>& missing, std::string& trouble);
    [[nodiscard]] std::vector<Position> resolve(const config::Start& start, const ByTopic& of,
                                                std::string& trouble);
    [[nodiscard]] bool begins_at_its_beginning(const std::string& topic,
                                               const std::set<std::string>& read_before) const;

    const config::Ingest& config_;
    ConsumerGroup& group_;
    ProgressStore& progress_;
    const PartitionTable& partitions_;
};

}  // namespace sluice
