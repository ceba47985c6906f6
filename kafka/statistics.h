#pragma once

#include "pipeline/ingest/group_statistics.h"
#include "pipeline/partition_table.h"

#include <string_view>

namespace sluice::kafka {

/// What matters of librdkafka's statistics (its STATISTICS.md) for a consumer of these partitions;
/// what is missing in them, or is no JSON, is left out.
[[nodiscard]] GroupStatistics parse_statistics(std::string_view json,
                                               const PartitionTable& partitions);

}  // namespace sluice::kafka
