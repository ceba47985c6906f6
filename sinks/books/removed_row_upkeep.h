#pragma once

#include "sinks/session/session.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace sluice {

struct Forgotten {
    std::int64_t removals = 0;
    bool gave_way = false;  ///< writers were in the way: the rest is for later
};

/// Forgets removals of rows that are older than `keep`, of all pipelines. Each step is one short
/// transaction that gives way to writers. Does nothing where the role may not DELETE them. Throws
/// DatabaseError.
[[nodiscard]] Forgotten forget_removed_rows(Session& session, const std::string& schema,
                                            std::chrono::seconds keep);

}  // namespace sluice
