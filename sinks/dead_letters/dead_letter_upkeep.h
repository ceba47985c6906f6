#pragma once

#include "sinks/session/session.h"

#include <chrono>
#include <cstdint>
#include <string>

namespace sluice {

struct Purged {
    std::int64_t letters = 0;
    bool gave_way = false;  ///< writers were in the way: the rest is for later
};

/// Takes away the records of one pipeline's dead letters that were loaded, filtered or discarded
/// longer than `keep` ago; that they were, and when, stays in their history. Each step is one short
/// transaction that gives way to writers. Does nothing where the role may not DELETE dead letters.
/// Throws DatabaseError.
[[nodiscard]] Purged purge_dead_letters(Session& session, const std::string& schema,
                                        const std::string& pipeline, std::chrono::seconds keep);

}  // namespace sluice
