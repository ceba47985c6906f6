#pragma once

#include "pipeline/outbox/outbox_event.h"
#include "sinks/outbox/outbox_store.h"
#include "sinks/session/session.h"

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
        std::size_t place = 0;        ///< in the batch
        std::int64_t made_at_ms = 0;  ///< since 1970
        bool refused = false;         ///< decided to stay behind
    };
    /// By the row's id, in order; retries are not among them.
    std::multimap<std::string, Claim> claims;
    /// Ids that were claimed before the purge had deleted the row of their claim before; must be
    /// none.
    std::vector<std::string> claimed_twice;
    std::int64_t batches = 0;
    std::int64_t refused_events = 0;  ///< that wait to be retried or discarded
    std::int64_t rows = 0;            ///< in the table now
    std::int64_t unclaimed = 0;       ///< of these
};

/// Throws DatabaseError.
[[nodiscard]] OutboxBooks read_books(Session& session, const RelayIdentity& identity,
                                     const OutboxTable& table);

}  // namespace sluice
