#pragma once

#include "pipeline/outbox_event.h"
#include "sinks/outbox_store.h"
#include "sinks/session.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sluice {

/// What the books of a relay say that was claimed, as one snapshot has it. Books of batches that
/// were sent and purged are kept for ten minutes.
struct OutboxBooks {
    BatchNumber last = 0;  ///< the highest number
    struct Claim {
        BatchNumber batch = 0;
        bool refused = false;  ///< decided to stay behind
    };
    /// By the row's id; retries are not among them.
    std::map<std::string, Claim> claims;
    std::vector<std::string> claimed_twice;  ///< ids; must be none
    std::int64_t batches = 0;
    std::int64_t refused_events = 0;  ///< that wait to be retried or discarded
    std::int64_t rows = 0;            ///< in the table now
    std::int64_t unclaimed = 0;       ///< of these
};

/// Throws DatabaseError.
[[nodiscard]] OutboxBooks read_books(Session& session, const RelayIdentity& identity,
                                     const OutboxTable& table);

}  // namespace sluice
