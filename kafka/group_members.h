#pragma once

#include "kafka/handles.h"

#include <string>
#include <vector>

namespace sluice::kafka {

/// Who is in a consumer group now, by the coordinator's own words and for people: "sluice-orders at
/// /10.0.0.7". A static member (`instance`) is in it until its session times out, even if it has
/// ended. Throws TroubleOfTheWorld when that cannot be told.
[[nodiscard]] std::vector<std::string> members_of(rd_kafka_t& client, const std::string& group);

}  // namespace sluice::kafka
