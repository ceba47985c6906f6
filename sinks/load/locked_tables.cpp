#include "sinks/load/locked_tables.h"

#include "sinks/load/key_turns.h"

#include <array>
#include <optional>
#include <span>

namespace sluice {
namespace {

/// A foreign table, or one of which a role may fill some columns only.
bool cannot_be_locked(const DatabaseError& error) {
    return error.sqlstate() == "42809" || error.sqlstate() == "42501";
}

bool is_in_the_way(const DatabaseError& error) {
    return error.sqlstate() == "55P03";
}

enum class Wait { nothing, a_second };

/// With the lock that rows take; nullopt: it is to be had for all of them.
std::optional<DatabaseError> try_to_lock(Session& session, const std::string& tables, Wait wait) {
    const std::string lock = "LOCK TABLE " + tables + " IN ROW EXCLUSIVE MODE";
    try {
        const Transaction undone(session, wait == Wait::nothing
                                              ? lock + " NOWAIT"
                                              : "SET LOCAL lock_timeout = '1s';" + lock);
        return std::nullopt;
    } catch (const DatabaseError& error) {
        if (!session.is_open()) throw;
        return error;
    }
}

/// nullopt: nothing, or that one of us has it.
std::optional<DatabaseError> trouble_with(Session& session, const std::string& table,
                                          std::span<const Wait> waits) {
    std::optional<DatabaseError> trouble;
    for (const Wait wait : waits) {
        trouble = try_to_lock(session, table, wait);
        if (!trouble || !is_in_the_way(*trouble)) return trouble;
        if (turn_is_taken(session, table)) return std::nullopt;
    }
    return trouble;
}

}  // namespace

std::vector<LockedTables::Locked> LockedTables::among(const std::vector<std::string>& tables) {
    std::string all;
    for (const std::string& table : tables)
        if (!not_for_us_.contains(table)) all += (all.empty() ? "" : ", ") + table;
    if (all.empty() || !try_to_lock(session_, all, Wait::nothing)) return {};
    std::vector<Locked> locked;
    constexpr std::array waits{Wait::nothing, Wait::a_second};
    bool patient = true;
    for (std::size_t place = 0; place < tables.size(); ++place) {
        const std::string& table = tables[place];
        if (not_for_us_.contains(table)) continue;
        const auto trouble = trouble_with(session_, table, std::span(waits).first(patient ? 2 : 1));
        if (!trouble) continue;
        if (cannot_be_locked(*trouble)) {
            not_for_us_.insert(table);
        } else if (is_in_the_way(*trouble)) {
            patient = false;
            locked.push_back({place, "another session has locked it; pg_locks says which"});
        } else {
            locked.push_back({place, trouble->what()});
        }
    }
    return locked;
}

}  // namespace sluice
