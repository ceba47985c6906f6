#pragma once

#include "pipeline/table.h"
#include "sinks/session/session.h"

#include <optional>
#include <random>
#include <string>
#include <utility>

namespace sluice {

/// The qualified name of a table with a unique index: who adds rows to it waits for those who have
/// put in the same keys and not committed yet. nullopt: it has none.
[[nodiscard]] std::optional<std::string> name_if_it_has_keys(const Table& table);

/// SQL that waits until it is this transaction's turn among all that take turns with the table, and
/// keeps it to the transaction's end. `table`: qualified.
[[nodiscard]] std::string take_turn_with(const std::string& table);
/// Whether another session has the table's turn, or waits for it. Throws DatabaseError.
[[nodiscard]] bool turn_is_taken(Session& session, const std::string& table);

/// How long a load waits for keys that others have put into the table. Two loads that wait for each
/// other on two segments are a circle that an MPP database does not see, or only after minutes. So
/// a load waits for some seconds; the next ones of who did so in vain take turns with the table,
/// and wait as long as the session is set to. Of a circle at most one has the turn, so it is
/// another one that gives up, and who has the turn comes to its end. Turns are given in the order
/// in which they were asked for: nobody starves. Where a sink has several tables, who is in the way
/// of one must not hold up the others: its loads wait for some seconds, and take no turns. One per
/// sink, used by its thread.
class KeyTurns {
public:
    /// `table`: whose loads wait for keys, qualified; nullopt: there is nothing to do.
    explicit KeyTurns(std::optional<std::string> table) : table_(std::move(table)) {}
    [[nodiscard]] static KeyTurns of_several_tables() {
        KeyTurns none(std::nullopt);
        none.always_short_ = true;
        return none;
    }

    /// For a load: settings of the transaction that is about to begin.
    [[nodiscard]] std::string begin(Session& session);
    /// The load is over: what follows waits as long as the session is set to.
    void end(Session& session);
    /// What became of the transaction that was begun.
    void note(const DatabaseError& error);

private:
    void read_usual(Session& session);

    const std::optional<std::string> table_;
    bool always_short_ = false;
    int turns_ = 0;             ///< that are still to be taken
    bool loading_ = false;      ///< between begin() and end()
    bool is_short_ = false;     ///< the wait of the load that goes on
    std::string usual_;         ///< lock_timeout of the session; empty: not known
    bool usual_short_ = false;  ///< it is no longer than ours
    std::minstd_rand random_{std::random_device{}()};
};

}  // namespace sluice
