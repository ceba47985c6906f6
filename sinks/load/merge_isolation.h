#pragma once

#include "sinks/load/halving.h"
#include "sinks/load/merge_statements.h"
#include "sinks/session/session.h"

#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// Makes all staged changes that the database takes and finds those that it does not, by Halving.
/// Rows that exchange a unique value are in each other's way only one by one: what is in some row's
/// way waits until the rest is made, and then goes together. One per loader.
class MergeIsolation : private Halving::Work {
public:
    MergeIsolation(Session& session, const MergeStatements& statements)
        : session_(session), statements_(statements), halving_(session) {}

    void begin_load(Alike alike) { halving_.begin_load(alike); }
    /// The steps, which must outlive their apply(), of what is staged now save the numbers that
    /// are `absent`.
    void begin(const std::vector<MergeStep>& steps, std::set<std::size_t> absent);
    /// Takes numbers out of what is staged.
    void leave_out(const std::vector<std::size_t>& numbers);
    /// Throws what Halving does.
    [[nodiscard]] std::vector<RefusedNumber> apply(const MergeStep& step);
    /// Throws RefusedAlike.
    void end_load() const { halving_.end_load(); }
    /// Of mode update, in the latest apply(): numbers that had a row.
    [[nodiscard]] const std::set<std::size_t>& matched() const { return matched_; }

private:
    struct Overlapping {
        std::size_t number;
        DatabaseError error;
    };

    void make(const std::string& before, std::size_t begin, std::size_t end) override;
    void attempt(const std::string& before, std::size_t begin, std::size_t end) override;
    [[nodiscard]] bool sets_aside(std::size_t number, const DatabaseError& error) override;
    [[nodiscard]] std::string none() const override { return "a change of no row"; }

    [[nodiscard]] bool tells_matches(const MergeStep& step) const;
    void exchange();
    [[nodiscard]] std::vector<Overlapping> put_in(const std::vector<Overlapping>& rows);

    Session& session_;
    const MergeStatements& statements_;
    Halving halving_;
    const std::vector<MergeStep>* steps_ = nullptr;
    std::set<std::size_t> absent_;
    // Of the apply() that runs:
    const MergeStep* step_ = nullptr;
    std::set<std::size_t> matched_;
    std::vector<Overlapping> overlapping_;
};

}  // namespace sluice
