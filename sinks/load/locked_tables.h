#pragma once

#include "sinks/session/session.h"

#include <set>
#include <string>
#include <vector>

namespace sluice {

/// Finds tables that rows cannot be put into now without waiting for somebody who is none of us.
/// Who has a table's turn (key_turns.h) merges into it, and may have locked it as a whole until it
/// commits: a load waits for that as it waits for its own turn. One per session, used by its
/// thread, outside of transactions.
class LockedTables {
public:
    explicit LockedTables(Session& session) : session_(session) {}

    struct Locked {
        std::size_t place = 0;  ///< among those asked for
        std::string reason;
    };
    /// Of these (qualified names) the ones that somebody has locked, or that are gone. Waits a
    /// second at most, all in all: for what takes no longer, as a short UPDATE. Throws
    /// DatabaseError where the connection broke.
    [[nodiscard]] std::vector<Locked> among(const std::vector<std::string>& tables);

private:
    Session& session_;
    std::set<std::string> not_for_us_;  ///< to lock: loading says what is the matter with them
};

}  // namespace sluice
