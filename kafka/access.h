#pragma once

#include "config/config.h"
#include "kafka/handles.h"
#include "pipeline/record.h"

#include <string>
#include <vector>

namespace sluice::kafka {

/// What a pipeline's membership needs of Kafka's permissions.
struct AccessQuestion {
    std::string topic;
    PartitionNumber partition = 0;  ///< any of the topic
    std::string group;
};

/// Tries to read the topic, and whether the group would take offsets from us. Changes nothing: it
/// joins no group, and the offsets that it sends are of a partition that does not exist. Returns
/// what is refused, each with its remedy. Blocks for a bounded time; a broker that does not answer
/// in it refuses nothing.
[[nodiscard]] std::vector<std::string> refused_access(const config::Kafka& kafka,
                                                      const AccessQuestion& question);

}  // namespace sluice::kafka
