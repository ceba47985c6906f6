#pragma once

#include "kafka/handles.h"

#include <map>
#include <optional>
#include <string>

namespace sluice::kafka {

/// What a broker ("1") or a topic is configured with, by name, defaults included; of sensitive
/// entries there is none. nullopt: we may not ask (DescribeConfigs). Throws TroubleOfTheWorld.
[[nodiscard]] std::optional<std::map<std::string, std::string>> described_config(
    rd_kafka_t& client, rd_kafka_ResourceType_t type, const std::string& name);

}  // namespace sluice::kafka
