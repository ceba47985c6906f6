#pragma once

#include "pipeline/mapping/row_mapper.h"
#include "sinks/load/blame.h"
#include "sinks/load/merge_statements.h"
#include "sinks/session/session.h"

#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// Makes all staged changes that the database takes and finds those that it does not, inside the
/// session's open transaction, with savepoints: a piece that fails is halved, down to one change,
/// which is refused if Blame proves it. Rows that exchange a unique value are in each other's way
/// only one by one: what is in some row's way waits until the rest is made, and then goes together.
/// One per loader.
class MergeIsolation : private Trial {
public:
    MergeIsolation(Session& session, const MergeStatements& statements)
        : session_(session), statements_(statements), blame_(session) {}

    struct RefusedChange {
        std::size_t number = 0;
        Reason reason;
    };

    void begin_load(Alike alike) { blame_.begin_load(alike); }
    /// The steps, which must outlive their apply(), of what is staged now save the numbers that
    /// are `absent`.
    void begin(const std::vector<MergeStep>& steps, std::set<std::size_t> absent);
    /// Takes numbers out of what is staged.
    void leave_out(const std::vector<std::size_t>& numbers);
    /// Throws DatabaseError for trouble of the world and for trouble that no change is to blame
    /// for, RefusedAlike as Blame does.
    [[nodiscard]] std::vector<RefusedChange> apply(const MergeStep& step);
    /// Throws RefusedAlike.
    void end_load() const { blame_.end_load(); }
    /// Of mode update, in the latest apply(): numbers that had a row.
    [[nodiscard]] const std::set<std::size_t>& matched() const { return matched_; }

private:
    struct Overlapping {
        std::size_t number;
        DatabaseError error;
    };

    void offer(std::size_t number) override;
    void offer_none() override;
    [[nodiscard]] std::vector<std::size_t> rest() const override;
    [[nodiscard]] std::string none() const override { return "a change of no row"; }

    [[nodiscard]] bool tells_matches(const MergeStep& step) const;
    [[nodiscard]] std::size_t count(std::size_t begin, std::size_t end) const;
    void attempt(std::size_t begin, std::size_t end);
    void try_changes(const MergeStep& step, std::size_t begin, std::size_t end);
    void on_failure(std::size_t number, const DatabaseError& error);
    void refuse(std::size_t number, const DatabaseError& error);
    void exchange();
    [[nodiscard]] std::vector<Overlapping> put_in(const std::vector<Overlapping>& rows);
    void end_savepoint();

    Session& session_;
    const MergeStatements& statements_;
    Blame blame_;
    const std::vector<MergeStep>* steps_ = nullptr;
    std::set<std::size_t> absent_;
    const char* before_ = "";  ///< what brings the savepoint in order for the next attempt
    // Of the apply() that runs:
    const MergeStep* step_ = nullptr;
    std::vector<std::pair<std::size_t, std::size_t>> open_;  ///< pieces to make; the next is last
    std::set<std::size_t> matched_;
    std::vector<RefusedChange> refused_;
    std::vector<Overlapping> overlapping_;
};

}  // namespace sluice
