#pragma once

#include "sinks/outbox/outbox_store.h"
#include "sinks/session/session.h"

#include <cstdint>

namespace sluice {

/// What is in an outbox table, as one snapshot has it.
struct OutboxBacklog {
    BatchNumber last = 0;        ///< the highest that was claimed
    std::int64_t unclaimed = 0;  ///< rows
    std::int64_t claimed = 0;    ///< rows of batches above the mark
    std::int64_t sent = 0;       ///< rows that the purge has not deleted yet
};

/// Reads the whole table. Throws DatabaseError.
[[nodiscard]] OutboxBacklog read_backlog(Session& session, const RelayIdentity& identity,
                                         const OutboxTable& table, BatchNumber mark);

}  // namespace sluice
