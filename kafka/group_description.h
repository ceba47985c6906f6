#pragma once

#include "config/config.h"
#include "kafka/handles.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace sluice::kafka {

/// How long Kafka may remember a member that is gone: session.timeout.ms, or our default for it.
[[nodiscard]] std::chrono::milliseconds session_timeout(const config::Kafka& kafka);

/// Which session timeouts the brokers let members join with.
struct SessionLimits {
    std::chrono::milliseconds least;
    std::chrono::milliseconds most;
};
/// By the word of one broker; nullopt: it does not tell us (DescribeConfigs on the cluster).
[[nodiscard]] std::optional<SessionLimits> session_limits(rd_kafka_t& client);

/// The group as its coordinator knows it, or an empty list: there is none of this name. All brokers
/// are asked; it does not matter that some do not answer when the coordinator did. Throws
/// TroubleOfTheWorld when it did not.
[[nodiscard]] GroupListHandle describe(rd_kafka_t& client, const std::string& group,
                                       std::chrono::milliseconds timeout);

/// Who is in a consumer group now, by the coordinator's own words and for people: "sluice-orders at
/// /10.0.0.7". A static member (`instance`) is in it until its session times out, even if it has
/// ended. Throws TroubleOfTheWorld when that cannot be told.
[[nodiscard]] std::vector<std::string> members_of(rd_kafka_t& client, const std::string& group);

}  // namespace sluice::kafka
