#pragma once

#include "sinks/load/isolation/offenders.h"
#include "sinks/load/isolation/row_arrays.h"
#include "sinks/load/isolation/staged_rows.h"
#include "sinks/load/isolation/trigger_trial.h"

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice {

/// Finds all rows that break a CHECK, a unique key or a foreign key, or that no partition takes, by
/// queries about the columns that these are about: COPY stops at each of them. The columns of rows
/// in binary are parameters of the queries where they can be; else they are copied into a temporary
/// table, which needs the right to create one. On an MPP database it finds those that triggers
/// refuse, too, by a TriggerTrial; elsewhere there is a ServerSideLoad for that. What its queries
/// cannot tell for certain is for COPY to find. judge() goes by constraints and types as last read:
/// until still_holds() was asked, in the same transaction, a row that it found may be one that the
/// table takes by now. A staging table needs no such question, which is why Staging does not ask:
/// it has no constraints, so no row of it is ever found. One per sink, used inside its
/// transactions. Needs SELECT on the columns of a unique key, or on those that a foreign key refers
/// to.
class ConstraintJudge {
public:
    /// `columns`: of the rows, in their order.
    ConstraintJudge(Session& session, std::string qualified_table,
                    std::vector<std::string> columns);

    /// The transaction is a new one: nothing was judged in it.
    void begin() {
        has_judged_ = false;
        trial_.forget_raised();
    }
    /// COPY ran into something: if that is a constraint, judge() looks for rows that break it from
    /// now on. Which one, its name tells. Errors of an MPP database's segments lose that on their
    /// way, so what the text mentions comes next, and then each that the code can be about. False:
    /// it is none.
    [[nodiscard]] bool suspect(const DatabaseError& error);
    void clear_suspects() {
        suspects_.clear();
        clues_.clear();
        tries_triggers_ = false;
        trial_.forget_raised();
    }

    /// Those of these rows that break a suspected constraint; nullopt: no suspected constraint is
    /// one that can be judged. Inside a savepoint: it has to be rolled back, for the sake of what
    /// was set there, unless has_staged(). Throws DatabaseError.
    [[nodiscard]] std::optional<std::vector<Offender>> judge(const RowRange& range);
    /// The latest judge() has made a temporary table, or found it, that is worth keeping.
    [[nodiscard]] bool has_staged() const { return has_staged_; }
    /// Whether the table is as judge() took it to be, which need not have asked. With rows in the
    /// table by this transaction the answer holds to its end; without, it was so when it was asked.
    [[nodiscard]] bool still_holds();

private:
    using Kind = TableConstraint::Kind;
    /// What errors said since judge() has last asked which constraints there are.
    struct Clues {
        std::set<std::string> names;
        std::string message;  ///< the latest of those that named none

        [[nodiscard]] bool point_to(const TableConstraint& constraint) const;
    };

    [[nodiscard]] TableShape read() const;
    void know(TableShape shape);
    void forget_columns();
    void follow_clues();
    [[nodiscard]] Constraints suspected(Kind kind) const;
    [[nodiscard]] std::vector<std::size_t> columns_of(const Constraints& constraints) const;
    [[nodiscard]] std::optional<std::vector<Offender>> judge_suspected(const RowRange& range);
    void judge_by_queries(RowRange range, std::vector<Offender>& found);
    [[nodiscard]] bool can_be_parameters(const Constraints& checks, bool looks_up, CopyForm form);
    [[nodiscard]] QueriedRows& made_fit_for(const Constraints& checks, bool looks_up,
                                            CopyForm form);

    /// Where duplicates were found lately: elsewhere they are not looked for, until COPY runs into
    /// one.
    struct Duplicates {
        bool in_table = true;
        bool among_themselves = true;
    };

    Session& session_;
    const std::string target_;
    const std::vector<std::string> columns_;
    StagedRows staged_;
    RowArrays arrays_;
    TriggerTrial trial_;
    bool has_judged_ = false;  ///< in this transaction
    bool has_staged_ = false;
    TableShape shape_;    ///< as last read
    bool knows_ = false;  ///< nothing says that it is another now
    std::map<Kind, Clues> clues_;
    std::set<std::string> suspects_;
    bool staged_fits_ = false;  ///< it has the columns that suspects are about
    /// The same; nullopt: nobody has looked; false: it cannot have them.
    std::optional<bool> arrays_fit_;
    Duplicates duplicates_;
    bool tries_triggers_ = false;
    bool has_triggers_ = true;  ///< that can be tried, as far as anybody knows
};

}  // namespace sluice
