#pragma once

#include "sinks/session/session.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace sluice {

struct Folded {
    std::int64_t rows = 0;  ///< ledger rows that became part of another one
    bool gave_way = false;  ///< writers were in the way: the rest is for later
};

/// Prunes one pipeline's ledger: rows older than `keep`, save the last one, become one row of kind
/// 'folded' per partition, so that sums and ranges still hold. Each step is one short transaction
/// that gives way to writers; several daemons may do it at once. Throws DatabaseError.
[[nodiscard]] Folded fold_ledger(Session& session, const std::string& schema,
                                 const std::string& pipeline, std::chrono::seconds keep);

}  // namespace sluice
