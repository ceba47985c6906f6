#pragma once

#include "sinks/session/session.h"

#include <functional>

/// Upkeep of Sluice's own tables, beside those who write to them.
namespace sluice {

/// For each step's transaction. DELETE takes the whole table for itself on an MPP database: waiting
/// for it makes writers queue.
inline constexpr const char* give_way = "SET LOCAL lock_timeout = '100ms'";

/// Whether `steps` met writers and left the rest for later. Throws DatabaseError.
[[nodiscard]] inline bool gave_way(const std::function<void()>& steps) {
    try {
        steps();
        return false;
    } catch (const DatabaseError& error) {
        if (error.trouble() != Trouble::again) throw;
        return true;
    } catch (const OutcomeUnknown& error) {
        throw DatabaseError({{}, error.what(), {}, {}});
    }
}

}  // namespace sluice
