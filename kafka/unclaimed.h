#pragma once

#include "config/topics.h"
#include "kafka/handles.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kafka {

/// The partitions in one member's assignment, as the consumer protocol encodes it ("assignment"
/// version 0 and up); empty when it is not that.
[[nodiscard]] std::vector<int> assigned_partitions(std::string_view encoded,
                                                   std::string_view topic);

/// Whether a partition of the topics is nobody's, by the group coordinator's own words. nullopt:
/// the group is just being rebalanced, or nobody answers. Each question blocks for up to the time.
[[nodiscard]] std::optional<bool> has_unclaimed_partition(rd_kafka_t& client,
                                                          const std::string& group,
                                                          const config::Topics& topics,
                                                          std::chrono::milliseconds timeout);

}  // namespace sluice::kafka
