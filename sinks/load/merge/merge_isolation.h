#pragma once

#include "sinks/catalogue/keys.h"
#include "sinks/load/isolation/halving.h"
#include "sinks/load/isolation/staged_checks.h"
#include "sinks/load/merge/merge_statements.h"
#include "sinks/session/session.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// Makes all staged changes that the database takes and finds those that it does not, by
/// StagedChecks and Halving. What other rows of the table are in the way of, or are missing for,
/// waits until all steps are made: they may have changed by then. Rows that exchange a unique value
/// are in each other's way only one by one, and go together. One per loader.
class MergeIsolation {
public:
    MergeIsolation(Session& session, const MergeStatements& statements);

    void begin_load(Alike alike) {
        halving_.begin_load(alike);
        checks_.begin_load();
    }
    /// The steps, which must outlive settle(), of what is staged now save the numbers that are
    /// `absent`.
    void begin(const std::vector<MergeStep>& steps, std::set<std::size_t> absent);
    /// Takes numbers out of what is staged.
    void leave_out(const std::vector<std::size_t>& numbers);
    /// Tells those that are refused whatever other rows do. Throws what Halving does.
    [[nodiscard]] std::vector<RefusedNumber> apply(const MergeStep& step);
    [[nodiscard]] bool waits(std::size_t number) const { return waiting_.contains(number); }
    struct Settled {
        std::vector<RefusedNumber> refused;  ///< whatever other rows do
        std::vector<RefusedNumber> waiting;  ///< still
    };
    /// Once all steps are made: makes what waits, in the order that works. Tells the rest.
    [[nodiscard]] Settled settle();
    /// Throws RefusedAlike.
    void end_load() {
        halving_.end_load();
        checks_.end_load();
    }
    /// Of mode update, since begin(): numbers that had a row.
    [[nodiscard]] const std::set<std::size_t>& matched() const { return matched_; }

private:
    using Numbers = std::vector<std::size_t>;
    /// How the rows of an exchange leave their places: deleted, or with NULL for their values.
    enum class Leaving : std::uint8_t { rows, values };
    /// Which of those that wait stay where they are for good if others do.
    struct Places {
        std::set<std::size_t> blocked;                      ///< by rows that nothing changes
        std::multimap<std::size_t, std::size_t> followers;  ///< who wants the place of whom
        std::set<std::size_t> following;

        /// With those that follow them, and so on.
        [[nodiscard]] std::set<std::size_t> stuck(const Numbers& numbers) const;
    };

    /// The changes of a step.
    class Making;

    void make(const MergeStep& step, const std::string& before, const std::string& which);
    void set_blocked_aside(const MergeStep& step, const std::string& which);
    void leave_out_broken(const std::string& which);
    [[nodiscard]] bool tells_matches(const MergeStep& step) const;
    [[nodiscard]] std::string change(const MergeStep& step, const std::string& which) const;
    [[nodiscard]] const MergeStep& step_of(std::size_t number) const;
    void look_for_places(const MergeStep& step, const std::string& which, const Numbers& waiting,
                         Places& places);
    [[nodiscard]] Places look_for_places();
    [[nodiscard]] Numbers hopeful(const Places& places);
    [[nodiscard]] const Followers& followers() const;
    [[nodiscard]] bool can_leave_values() const;
    [[nodiscard]] bool may_exchange(std::size_t number) const;
    void settle_once(const Places& places);
    [[nodiscard]] Numbers untried() const;
    void try_again(const Numbers& numbers);
    [[nodiscard]] bool exchange(Numbers numbers, const Places& places, Leaving leaving);
    [[nodiscard]] std::string take_out(const Numbers& numbers, Leaving leaving) const;
    [[nodiscard]] std::string put_in_sql(const Numbers& numbers, Leaving leaving) const;
    [[nodiscard]] Numbers put_in(const Numbers& numbers, Leaving leaving);

    Session& session_;
    const MergeStatements& statements_;
    Halving halving_;
    StagedChecks checks_;
    const std::vector<MergeStep>* steps_ = nullptr;
    std::set<std::size_t> absent_;
    /// Why they are not taken; nullopt: they have not been tried.
    std::map<std::size_t, std::optional<DatabaseError>> waiting_;
    std::vector<RefusedNumber> refused_;          ///< of those that waited
    mutable std::optional<Followers> followers_;  ///< since begin()
    std::set<std::size_t> matched_;
};

}  // namespace sluice
