#include "sinks/load/merge/merge_rounds.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice {

MergeRounds::MergeRounds(Session& session, const MergeStatements& statements,
                         MergeIsolation& isolation, const OrderedChanges& changes)
    : fates(changes.size()),
      session_(session),
      statements_(statements),
      isolation_(isolation),
      changes_(changes),
      apart_(changes.keys()),
      first_refused_(changes.keys(), changes.size()),
      keys_(changes.keys()) {}

void MergeRounds::refuse(std::size_t change, std::vector<Reason> reasons) {
    fates[change] = Fate::refused;
    rejects.push_back({changes_[change].about().record, std::move(reasons), RejectCause::refused});
    const std::uint32_t key = changes_.key_of(change);
    first_refused_[key] = std::min(first_refused_[key], change);
    reaches_.erase(key);
}

void MergeRounds::begin() {
    for (std::size_t change = 0; change < fates.size(); ++change)
        if (fates[change] == Fate::open) candidates_.push_back(change);
}

void MergeRounds::leave_out(Found found) {
    std::map<std::uint32_t, std::size_t> last_older;
    for (const std::size_t change : found.older) {
        std::size_t& last = last_older[changes_.key_of(change)];
        last = std::max(last, change);
    }
    for (const std::size_t change : candidates_) {
        const auto last = last_older.find(changes_.key_of(change));
        if (last != last_older.end() && change <= last->second) fates[change] = Fate::older;
    }
    for (auto& each : found.refused) refuse(each.first, std::move(each.second));
    std::erase_if(candidates_, [this](std::size_t change) { return fates[change] != Fate::open; });
}

MergeRounds::Key& MergeRounds::key_of(std::size_t number) {
    return keys_[changes_.key_of(staged_->changes[number].change)];
}

void MergeRounds::make(const StagedChanges& staged, const std::vector<RefusedNumber>& unreadable,
                       const std::set<std::size_t>& older) {
    staged_ = &staged;
    waiting_.clear();
    moves_ = false;
    for (const std::size_t change : candidates_) keys_[changes_.key_of(change)] = {};
    for (const std::size_t change : held_back_) keys_[changes_.key_of(change)].comes_again = true;
    std::set<std::size_t> absent = older;
    unreadable_.clear();
    for (const RefusedNumber& each : unreadable) {
        unreadable_[each.number] = each.reasons;
        absent.insert(each.number);
    }
    for (const std::size_t number : older) {
        fates[staged.changes[number].change] = Fate::older;
        // The table has a newer row, which changes of some columns stand on as well.
        key_of(number).stands = true;
        moves_ = true;
    }
    isolation_.begin(staged.steps, std::move(absent));
    for (const MergeStep& step : staged.steps) make_step(step);
    settle();
}

bool MergeRounds::has_turn(std::size_t number) {
    const Key& key = key_of(number);
    if (key.stops) return false;
    switch (staged_->changes[number].turn) {
        case FoldedChange::Turn::always:
            return true;
        case FoldedChange::Turn::unless_made:
            return !key.chosen;
        case FoldedChange::Turn::if_made:
            return key.stands;
    }
    return true;
}

void MergeRounds::make_step(const MergeStep& step) {
    std::set<std::size_t> out;
    Numbers left_out;
    Numbers doubtful;  // the change that was to make its row was refused
    for (std::size_t number = step.begin; number < step.end; ++number) {
        const std::size_t change = staged_->changes[number].change;
        if (fates[change] == Fate::older) {
            out.insert(number);
        } else if (!has_turn(number)) {
            out.insert(number);
            left_out.push_back(number);
        } else if (const auto found = unreadable_.find(number); found != unreadable_.end()) {
            out.insert(number);
            refuse_number(number, std::move(found->second));
        } else if (!step.kept.empty() && first_refused_[changes_.key_of(change)] < change) {
            doubtful.push_back(number);
        }
    }
    for (const std::size_t number : without_row(doubtful)) {
        out.insert(number);
        left_out.push_back(number);
        refuse_number(number, {{"",
                                "has values of some columns only, and its row is not there: an "
                                "earlier change of it was refused; have the row sent as a whole "
                                "once more"}});
    }
    // Of a hot key there are very many steps of which nothing is left.
    if (out.size() == step.end - step.begin) return;
    isolation_.leave_out(left_out);
    for (RefusedNumber& refused : isolation_.apply(step)) {
        out.insert(refused.number);
        refuse_number(refused.number, std::move(refused.reasons));
    }
    for (std::size_t number = step.begin; number < step.end; ++number) {
        if (out.contains(number)) continue;
        if (!isolation_.waits(number)) {
            set_made(number, step);
            continue;
        }
        key_of(number).stops = key_of(number).comes_again = true;
        waiting_.emplace_back(number, &step);
    }
}

MergeRounds::Numbers MergeRounds::without_row(const Numbers& doubtful) {
    if (doubtful.empty() || statements_.target().mode == config::Mode::update) return {};
    return numbers_in(session_.exec(statements_.without_row(doubtful)));
}

/// Of several changes that are made as one, which is to blame shows one by one, or by halves.
void MergeRounds::refuse_number(std::size_t number, std::vector<Reason> reasons) {
    const FoldedChange& folded = staged_->changes[number];
    Key& key = key_of(number);
    const std::uint32_t id = changes_.key_of(folded.change);
    key.comes_again = moves_ = true;
    key.stops |= !apart_[id];
    apart_[id] = true;
    if (folded.parts.empty()) return refuse(folded.change, std::move(reasons));
    const auto found = reaches_.find(id);
    if (found == reaches_.end() || found->second.in_vain) return;
    found->second.refused = folded.change;
    found->second.reasons = std::move(reasons);
    set_reach(id);
}

void MergeRounds::set_made(std::size_t number, const MergeStep& step) {
    const FoldedChange& folded = staged_->changes[number];
    const bool tells = statements_.target().mode == config::Mode::update && !step.removes;
    const bool unmatched = tells && !isolation_.matched().contains(number);
    const Fate fate = unmatched ? Fate::unmatched : Fate::made;
    fates[folded.change] = fate;
    for (const std::size_t part : folded.parts) fates[part] = fate;
    Key& key = key_of(number);
    key.chosen |= folded.turn == FoldedChange::Turn::unless_made;
    key.stands = true;
    moves_ = true;
    reaches_.erase(changes_.key_of(folded.change));
}

/// What still waits goes on to wait while others are made, or goes along with what follows it, or
/// may leave its place since an earlier change of theirs gets its turn; then it is to blame.
void MergeRounds::settle() {
    MergeIsolation::Settled settled = isolation_.settle();
    std::set<std::size_t> refused;
    for (RefusedNumber& each : settled.refused) {
        refused.insert(each.number);
        refuse_number(each.number, std::move(each.reasons));
    }
    std::map<std::size_t, std::vector<Reason>> stuck;
    for (RefusedNumber& each : settled.waiting) stuck.emplace(each.number, std::move(each.reasons));
    std::set<std::uint32_t> keys;
    for (const auto& [number, step] : waiting_) {
        if (stuck.contains(number))
            keys.insert(changes_.key_of(staged_->changes[number].change));
        else if (!refused.contains(number))
            set_made(number, *step);
    }
    const Numbers open = open_again();
    const bool others = std::ranges::any_of(
        open, [&](std::size_t change) { return !keys.contains(changes_.key_of(change)); });
    if (!stuck.empty() && moves_ && others) return stage(open);
    std::map<std::uint32_t, Numbers> open_by_key;
    for (const std::size_t change : open) open_by_key[changes_.key_of(change)].push_back(change);
    const auto others_of = [&](const FoldedChange& folded) -> const Numbers& {
        return open_by_key.at(changes_.key_of(folded.change));
    };
    bool reaches = false;
    for (const auto& each : stuck) {
        const FoldedChange& folded = staged_->changes[each.first];
        reaches |= reaches_further(folded.change, others_of(folded).back());
    }
    if (reaches) return stage(open_again());
    // Whether there is no other change that its row could be left with.
    const auto is_last = [&](const auto& each) {
        const FoldedChange& folded = staged_->changes[each.first];
        return folded.parts.empty() && others_of(folded).front() == folded.change;
    };
    const bool all = std::ranges::all_of(stuck, is_last);
    for (auto& each : stuck)
        if (all || !is_last(each)) refuse_number(each.first, std::move(each.second));
    stage(open_again());
}

/// Whether a change that waits is to be tried again together with more of its key, up to the last.
bool MergeRounds::reaches_further(std::size_t change, std::size_t last) {
    const std::uint32_t key = changes_.key_of(change);
    Reach& reach = reaches_[key];
    const bool was_tried = reach.waits && change <= *reach.waits;
    if (reach.in_vain || was_tried || last <= change) {
        reach = Reach{};
        reach.in_vain = true;
        return false;
    }
    reach.waits = change;
    set_reach(key);
    return true;
}

/// The next to try is between what waits and what is refused. Nothing is: that one is to blame.
void MergeRounds::set_reach(std::uint32_t key) {
    apart_[key] = false;
    Reach& reach = reaches_.at(key);
    if (!reach.refused) return;
    Numbers between;
    for (const std::size_t change : open_again())
        if (changes_.key_of(change) == key && change > *reach.waits && change < *reach.refused)
            between.push_back(change);
    if (between.empty())
        refuse(*reach.refused, std::vector(reach.reasons));
    else
        reach.until = between[between.size() / 2];
}

void MergeRounds::stage(const Numbers& open) {
    candidates_.clear();
    held_back_.clear();
    for (const std::size_t change : open) {
        const auto found = reaches_.find(changes_.key_of(change));
        const bool later = found != reaches_.end() && found->second.until.value_or(change) < change;
        (later ? held_back_ : candidates_).push_back(change);
    }
}

/// Of keys that come again, what is open behind the last change that was made.
MergeRounds::Numbers MergeRounds::open_again() const {
    Numbers all;
    std::ranges::merge(candidates_, held_back_, std::back_inserter(all));
    std::map<std::uint32_t, std::size_t> last_made;
    for (const std::size_t change : all)
        if (fates[change] == Fate::made || fates[change] == Fate::unmatched)
            last_made[changes_.key_of(change)] = change;
    Numbers open;
    for (const std::size_t change : all) {
        const std::uint32_t key = changes_.key_of(change);
        if (fates[change] != Fate::open || !keys_[key].comes_again) continue;
        const auto last = last_made.find(key);
        if (last == last_made.end() || change > last->second) open.push_back(change);
    }
    return open;
}

}  // namespace sluice
