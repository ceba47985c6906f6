#pragma once

#include "sinks/session/session.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice {

/// A batch of an outbox as its books have it, for people who look.
struct LatestClaim {
    std::chrono::system_clock::time_point at;
    std::int64_t batch = 0;
    std::string kind;
    std::int64_t events = 0;
    std::string writer;
    std::string revision;
};

/// The latest first. Throws DatabaseError.
[[nodiscard]] std::vector<LatestClaim> latest_claims(Session& session, const std::string& schema,
                                                     const std::string& relay, std::int64_t limit);

}  // namespace sluice
