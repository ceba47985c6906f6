#include "sinks/load/key_turns.h"

#include "sinks/catalogue/catalogue.h"
#include "sinks/session/sql_text.h"

#include <algorithm>

namespace sluice {
namespace {

/// For pg_advisory_xact_lock(int, int), beside the table's oid: any number that is nobody else's.
constexpr int turns = 1936487529;
/// Who has met another one will do so again.
constexpr int turns_after_a_wait = 50;
/// Milliseconds. Not the same for all: who gives up first lets the other one through.
constexpr int shortest_wait = 2000;
constexpr int longest_wait = 4000;

std::string wait_for(const std::string& time) {
    return "SET LOCAL lock_timeout = " + quote_literal(time);
}

/// A call of a function of advisory locks: about the turn of a table, by SQL for its oid.
std::string of_turn(const std::string& function, const std::string& oid) {
    return function + "(" + std::to_string(turns) + ", " + oid + "::int)";
}

}  // namespace

std::optional<std::string> name_if_it_has_keys(const Table& table) {
    if (!std::ranges::any_of(table.indexes, &Index::unique)) return std::nullopt;
    return qualified(table);
}

/// Who waits for a turn holds nothing that others wait for, and each turn has an end.
std::string take_turn_with(const std::string& table) {
    return "SELECT set_config('sluice.usual_wait', current_setting('lock_timeout'), true),"
           " set_config('lock_timeout', '0', true);SELECT " +
           of_turn("pg_advisory_xact_lock", quote_literal(table) + "::regclass::oid") +
           ";SELECT set_config('lock_timeout', current_setting('sluice.usual_wait'), true)";
}

bool turn_is_taken(Session& session, const std::string& table) {
    // Of a table that is gone meanwhile there is none.
    const Rows taken = session.exec("SELECT NOT coalesce(" +
                                    of_turn("pg_try_advisory_xact_lock_shared",
                                            "to_regclass(" + quote_literal(table) + ")::oid") +
                                    ", true)");
    return taken.text(0, 0) == "t";
}

void KeyTurns::read_usual(Session& session) {
    if (!usual_.empty()) return;
    const Rows set = session.exec(
        "SELECT current_setting('lock_timeout'), current_setting('lock_timeout')::interval"
        " BETWEEN interval '1 millisecond' AND $1::int * interval '1 millisecond'",
        {std::to_string(longest_wait)});
    usual_ = set.text(0, 0);
    usual_short_ = set.text(0, 1) == "t";
}

std::string KeyTurns::begin(Session& session) {
    if (!table_ && !always_short_) return {};
    read_usual(session);
    loading_ = true;
    is_short_ = turns_ == 0 && !usual_short_;
    if (is_short_)
        return wait_for(std::to_string(
            std::uniform_int_distribution<int>(shortest_wait, longest_wait)(random_)));
    if (turns_ == 0) return {};
    --turns_;
    return take_turn_with(*table_);
}

void KeyTurns::end(Session& session) {
    loading_ = false;
    if (std::exchange(is_short_, false)) session.run(wait_for(usual_));
}

void KeyTurns::note(const DatabaseError& error) {
    if (table_ && loading_ && error.trouble() == Trouble::again) turns_ = turns_after_a_wait;
    loading_ = is_short_ = false;
}

}  // namespace sluice
