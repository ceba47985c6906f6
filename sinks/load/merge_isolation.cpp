#include "sinks/load/merge_isolation.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

std::vector<std::size_t> numbers_of(const auto& rows) {
    std::vector<std::size_t> numbers;
    for (const auto& row : rows) numbers.push_back(row.number);
    return numbers;
}

}  // namespace

void MergeIsolation::begin(const std::vector<MergeStep>& steps, std::set<std::size_t> absent) {
    steps_ = &steps;
    absent_ = std::move(absent);
}

void MergeIsolation::leave_out(const std::vector<std::size_t>& numbers) {
    if (numbers.empty()) return;
    session_.run(statements_.leave_out(numbers));
    absent_.insert(numbers.begin(), numbers.end());
}

std::vector<RefusedNumber> MergeIsolation::apply(const MergeStep& step) {
    overlapping_.clear();
    matched_.clear();
    step_ = &step;
    halving_.run(*this, {step.begin, step.end, steps_->back().end}, absent_);
    exchange();
    halving_.end_savepoint();
    return halving_.take_refused();
}

bool MergeIsolation::tells_matches(const MergeStep& step) const {
    return statements_.target().mode == config::Mode::update && !step.removes;
}

void MergeIsolation::make(const std::string& before, std::size_t begin, std::size_t end) {
    if (!tells_matches(*step_)) {
        session_.run(before + statements_.apply(*step_, begin, end));
        return;
    }
    session_.run(before);
    const auto matched = numbers_in(session_.exec(statements_.update(*step_, begin, end)));
    matched_.insert(matched.begin(), matched.end());
}

/// Steps follow each other in the order of their numbers.
void MergeIsolation::attempt(const std::string& before, std::size_t begin, std::size_t end) {
    const MergeStep& step =
        begin == end ? *step_ : *std::ranges::upper_bound(*steps_, begin, {}, &MergeStep::end);
    session_.run(before + (tells_matches(step) ? statements_.update(step, begin, end)
                                               : statements_.apply(step, begin, end)));
}

bool MergeIsolation::sets_aside(std::size_t number, const DatabaseError& error) {
    // An exchange deletes rows and brings them back; what they took with them would stay away.
    const MergeTarget& target = statements_.target();
    const bool may_exchange = target.mode == config::Mode::merge && !target.table.cascades &&
                              !step_->removes && step_->kept.empty();
    if (!overlaps(error) || !may_exchange) return false;
    overlapping_.push_back({number, error});
    return true;
}

/// All of them leave their places before the first takes its new one. Whoever cannot take it stays
/// where it was, which may be in the way of others: so they go once more without it.
void MergeIsolation::exchange() {
    while (!overlapping_.empty()) {
        halving_.end_savepoint();
        session_.run("SAVEPOINT o");
        std::vector<Overlapping> refused;
        try {
            session_.run(statements_.take_out(numbers_of(overlapping_)) + ";SAVEPOINT p");
            refused = put_in(overlapping_);
        } catch (const DatabaseError& error) {
            if (!may_be_a_rows(session_, error)) throw;
            refused = std::move(overlapping_);  // nobody may leave: others refer to it
        }
        if (refused.empty()) halving_.note_taken(overlapping_.size());
        session_.run(refused.empty() ? "RELEASE SAVEPOINT o"
                                     : "ROLLBACK TO SAVEPOINT o;RELEASE SAVEPOINT o");
        if (refused.empty()) return;
        for (const Overlapping& each : refused) {
            halving_.refuse(each.number, each.error);
            std::erase_if(overlapping_,
                          [&](const Overlapping& row) { return row.number == each.number; });
        }
    }
}

/// Those that are not taken, if any.
std::vector<MergeIsolation::Overlapping> MergeIsolation::put_in(
    const std::vector<Overlapping>& rows) {
    std::vector<Overlapping> refused;
    const auto is_put_in = [&](const std::vector<std::size_t>& numbers) {
        try {
            session_.run(statements_.put_in(numbers) + ";RELEASE SAVEPOINT p;SAVEPOINT p");
            return true;
        } catch (const DatabaseError& error) {
            if (!may_be_a_rows(session_, error)) throw;
            session_.run("ROLLBACK TO SAVEPOINT p");
            if (numbers.size() == 1) refused.push_back({numbers.front(), error});
            return false;
        }
    };
    if (is_put_in(numbers_of(rows)) || rows.size() == 1) return refused;
    for (const std::size_t number : numbers_of(rows)) static_cast<void>(is_put_in({number}));
    return refused;
}

}  // namespace sluice
