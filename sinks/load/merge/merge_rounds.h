#pragma once

#include "sinks/load/merge/merge_isolation.h"
#include "sinks/load/merge/staged_changes.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace sluice {

/// What becomes of a change; `open`: a later one took its place.
enum class Fate : std::uint8_t { open, made, unmatched, older, filtered, refused };

/// Which changes an isolated merge tries, one round of staging after the other, and what becomes of
/// them. Of a change that is refused, those before it of its key get their turn, the latest first.
/// What is refused for the rows of other keys waits for these as long as they may change. Where it
/// never goes in since a later change of its own key goes elsewhere, both are made as one. Of one
/// load; what it is given must outlive it.
class MergeRounds {
public:
    MergeRounds(Session& session, const MergeStatements& statements, MergeIsolation& isolation,
                const OrderedChanges& changes);

    void refuse(std::size_t change, std::vector<Reason> reasons);

    /// All that is still open.
    void begin();
    /// What is to be staged next, ascending; empty: nothing is.
    [[nodiscard]] const std::vector<std::size_t>& candidates() const { return candidates_; }
    /// By key, as FoldOptions has it.
    [[nodiscard]] const std::vector<bool>& apart() const { return apart_; }
    /// Of candidates, before they are staged.
    struct Found {
        std::vector<std::size_t> older;  ///< than the row, or its removal, as all before them are
        std::map<std::size_t, std::vector<Reason>> refused;
    };
    void leave_out(Found found);
    /// Makes what is staged of the candidates. `unreadable`: numbers that could not be staged.
    /// `older`: those that are left out. Throws what MergeIsolation does.
    void make(const StagedChanges& staged, const std::vector<RefusedNumber>& unreadable,
              const std::set<std::size_t>& older);

    std::vector<Fate> fates;  ///< by change
    std::vector<Reject> rejects;

private:
    using Numbers = std::vector<std::size_t>;
    /// Of a round.
    struct Key {
        bool comes_again = false;  ///< what is open of it is looked at once more
        bool stops = false;        ///< nothing more of it can be made in this round
        bool chosen = false;       ///< of those that are made one for another
        bool stands = false;       ///< what others stand on is made
    };
    /// Of a key of which a change waits for good, but what follows it may not: how far its changes
    /// are made as one. Those up to `waits` wait, those up to `refused` are refused, and so who is
    /// to blame is found by halves.
    struct Reach {
        std::optional<std::size_t> waits;
        std::optional<std::size_t> refused;
        std::vector<Reason> reasons;       ///< of `refused`
        std::optional<std::size_t> until;  ///< of what is staged next; none: all
        bool in_vain = false;              ///< all wait
    };

    [[nodiscard]] Key& key_of(std::size_t number);
    [[nodiscard]] bool has_turn(std::size_t number);
    void make_step(const MergeStep& step);
    [[nodiscard]] Numbers without_row(const Numbers& doubtful);
    void refuse_number(std::size_t number, std::vector<Reason> reasons);
    void set_made(std::size_t number, const MergeStep& step);
    void settle();
    [[nodiscard]] Numbers open_again() const;
    void stage(const Numbers& open);
    [[nodiscard]] bool reaches_further(std::size_t change, std::size_t last);
    void set_reach(std::uint32_t key);

    Session& session_;
    const MergeStatements& statements_;
    MergeIsolation& isolation_;
    const OrderedChanges& changes_;
    std::vector<std::size_t> candidates_;
    Numbers held_back_;                       ///< for a later round
    std::map<std::uint32_t, Reach> reaches_;  ///< by key
    std::vector<bool> apart_;                 ///< by key
    std::vector<std::size_t> first_refused_;  ///< by key; none: as many as there are changes
    // Of the round:
    const StagedChanges* staged_ = nullptr;
    std::map<std::size_t, std::vector<Reason>> unreadable_;
    std::vector<Key> keys_;
    std::vector<std::pair<std::size_t, const MergeStep*>> waiting_;
    bool moves_ = false;
};

}  // namespace sluice
