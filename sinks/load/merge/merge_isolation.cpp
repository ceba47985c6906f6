#include "sinks/load/merge/merge_isolation.h"

#include "sinks/catalogue/catalogue.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice {
namespace {

bool misses_another(const DatabaseError& error) {
    return error.sqlstate() == "23503";
}

bool is_for_others(const DatabaseError& error) {
    return overlaps(error) || misses_another(error);
}

/// Those of a step, of ascending ones.
std::vector<std::size_t> of(const std::vector<std::size_t>& numbers, const MergeStep& step) {
    return {std::ranges::lower_bound(numbers, step.begin),
            std::ranges::lower_bound(numbers, step.end)};
}

}  // namespace

class MergeIsolation::Making : public Halving::Work {
public:
    /// `again`: those of the step that are tried once more, ascending; nullptr: all. Both must
    /// outlive it.
    Making(MergeIsolation& of, const MergeStep& step, const Numbers* again = nullptr)
        : of_(of), step_(step), again_(again) {}

    void make(const std::string& before, std::size_t begin, std::size_t end) override {
        of_.make(step_, before,
                 again_ == nullptr
                     ? of_.statements_.range(begin, end)
                     : of_.statements_.among({std::ranges::lower_bound(*again_, begin),
                                              std::ranges::lower_bound(*again_, end)}));
    }
    void attempt(const std::string& before, std::size_t begin, std::size_t end) override {
        const MergeStep& step = begin == end ? step_ : of_.step_of(begin);
        of_.session_.run(before + of_.change(step, of_.statements_.range(begin, end)));
    }
    /// Who wants the place of another row, or breaks a CHECK, need not be tried one by one.
    [[nodiscard]] bool takes_out(const std::string& before, const DatabaseError& error,
                                 std::size_t begin, std::size_t end) override {
        if (again_ != nullptr || step_.removes) return false;
        const std::string which = of_.statements_.range(begin, end);
        if (overlaps(error) && !std::exchange(looked_, true)) {
            of_.session_.run(before);
            of_.set_blocked_aside(step_, which);
            return true;
        }
        if (of_.statements_.inserts_all(step_) && of_.checks_.suspect(error) &&
            !std::exchange(checked_, true)) {
            of_.session_.run(before);
            of_.leave_out_broken(which);
            return true;
        }
        return false;
    }
    [[nodiscard]] bool sets_aside(std::size_t number, const DatabaseError& error) override {
        if (!is_for_others(error)) return false;
        of_.waiting_.insert_or_assign(number, error);
        return true;
    }
    [[nodiscard]] std::string none() const override { return "a change of no row"; }

private:
    MergeIsolation& of_;
    const MergeStep& step_;
    const Numbers* const again_;
    bool looked_ = false;   ///< whose places the changes want
    bool checked_ = false;  ///< which of them break CHECKs
};

MergeIsolation::MergeIsolation(Session& session, const MergeStatements& statements)
    : session_(session),
      statements_(statements),
      halving_(session),
      checks_(session, qualified(statements.target().table), statements.target().columns) {}

void MergeIsolation::begin(const std::vector<MergeStep>& steps, std::set<std::size_t> absent) {
    steps_ = &steps;
    absent_ = std::move(absent);
    followers_.reset();
    waiting_.clear();
    refused_.clear();
    matched_.clear();
}

void MergeIsolation::leave_out(const std::vector<std::size_t>& numbers) {
    if (numbers.empty()) return;
    session_.run(statements_.leave_out(numbers));
    absent_.insert(numbers.begin(), numbers.end());
}

std::vector<RefusedNumber> MergeIsolation::apply(const MergeStep& step) {
    if (checks_.expects_some() && statements_.inserts_all(step))
        leave_out_broken(statements_.range(step.begin, step.end));
    Making making(*this, step);
    halving_.run(making, {step.begin, step.end, steps_->back().end}, absent_);
    halving_.end_savepoint();
    std::vector<RefusedNumber> refused = halving_.take_refused();
    checks_.move_refused(refused);
    return refused;
}

void MergeIsolation::leave_out_broken(const std::string& which) {
    leave_out(checks_.find(statements_.staged(which), statements_.number()));
}

bool MergeIsolation::tells_matches(const MergeStep& step) const {
    return statements_.target().mode == config::Mode::update && !step.removes;
}

/// Steps follow each other in the order of their numbers.
const MergeStep& MergeIsolation::step_of(std::size_t number) const {
    return *std::ranges::upper_bound(*steps_, number, {}, &MergeStep::end);
}

void MergeIsolation::make(const MergeStep& step, const std::string& before,
                          const std::string& which) {
    if (!tells_matches(step)) {
        session_.run(before + statements_.apply(step, which));
        return;
    }
    session_.run(before);
    const auto matched = numbers_in(session_.exec(statements_.update(step, which)));
    matched_.insert(matched.begin(), matched.end());
}

std::string MergeIsolation::change(const MergeStep& step, const std::string& which) const {
    return tells_matches(step) ? statements_.update(step, which) : statements_.apply(step, which);
}

/// Those that want a place that nothing of the batch leaves.
void MergeIsolation::set_blocked_aside(const MergeStep& step, const std::string& which) {
    Places places;
    look_for_places(step, which, {}, places);
    const Numbers numbers(places.blocked.begin(), places.blocked.end());
    if (numbers.empty()) return;
    session_.run(statements_.set_aside(numbers));
    absent_.insert(numbers.begin(), numbers.end());
    for (const std::size_t number : numbers) waiting_.emplace(number, std::nullopt);
}

MergeIsolation::Settled MergeIsolation::settle() {
    if (!untried().empty()) session_.run(statements_.take_back());
    while (!waiting_.empty()) {
        const std::size_t before = waiting_.size();
        settle_once(look_for_places());
        if (waiting_.size() == before) try_again(untried());
        if (waiting_.size() == before) break;
    }
    try_again(untried());
    Settled settled{.refused = std::move(refused_), .waiting = {}};
    for (const auto& [number, error] : waiting_)
        (is_for_others(*error) ? settled.waiting : settled.refused)
            .push_back(refused_by(number, *error));
    return settled;
}

MergeIsolation::Numbers MergeIsolation::untried() const {
    Numbers numbers;
    for (const auto& [number, error] : waiting_)
        if (!error) numbers.push_back(number);
    return numbers;
}

/// Those whose places are free by now one by one, and then those that want others' together.
void MergeIsolation::settle_once(const Places& places) {
    Numbers free;
    std::set<std::size_t> together;
    for (const std::size_t number : hopeful(places)) {
        if (places.following.contains(number) && may_exchange(number))
            together.insert(number);
        else
            free.push_back(number);
    }
    try_again(free);
    // No index has told of these: it is of expressions, say, or two want one place.
    for (const std::size_t number : free)
        if (waiting_.contains(number) && may_exchange(number)) together.insert(number);
    const Numbers numbers(together.begin(), together.end());
    if (numbers.empty()) return;
    const Leaving leaving = followers().of_deletes ? Leaving::values : Leaving::rows;
    if (!exchange(numbers, places, leaving)) try_again(numbers);
}

/// Those that something may have changed for.
MergeIsolation::Numbers MergeIsolation::hopeful(const Places& places) {
    const auto misses = [](const auto& each) {
        return each.second && misses_another(*each.second);
    };
    const bool misses_in_vain = std::ranges::any_of(waiting_, misses) &&
                                session_.exec(statements_.refers_to_itself()).rows.empty();
    const std::set<std::size_t> stuck =
        places.stuck({places.blocked.begin(), places.blocked.end()});
    Numbers numbers;
    for (const auto& each : waiting_)
        if (!stuck.contains(each.first) && !(misses_in_vain && misses(each)))
            numbers.push_back(each.first);
    return numbers;
}

/// An exchange deletes rows and brings them back, but where what they took with them stayed away.
bool MergeIsolation::may_exchange(std::size_t number) const {
    const std::optional<DatabaseError>& error = waiting_.at(number);
    return (!error || overlaps(*error)) && !step_of(number).removes &&
           (!followers().of_deletes || can_leave_values());
}

/// As they are now: a key that came since the table was looked up would take rows along.
const Followers& MergeIsolation::followers() const {
    if (!followers_) followers_ = read_followers(session_, qualified(statements_.target().table));
    return *followers_;
}

bool MergeIsolation::can_leave_values() const {
    return !followers().of_updates && statements_.can_leave_values();
}

MergeIsolation::Places MergeIsolation::look_for_places() {
    Numbers all;
    for (const auto& each : waiting_) all.push_back(each.first);
    Places places;
    for (const MergeStep& step : *steps_) {
        const Numbers of_step = of(all, step);
        if (!of_step.empty() && !step.removes)
            look_for_places(step, statements_.among(of_step), all, places);
    }
    return places;
}

void MergeIsolation::look_for_places(const MergeStep& step, const std::string& which,
                                     const Numbers& waiting, Places& places) {
    const std::string sql = statements_.taken_values(step, which, waiting);
    if (sql.empty()) return;
    const Rows rows = session_.exec(sql);
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        const auto number = static_cast<std::size_t>(rows.number(row, 0));
        if (!rows.rows[row][1]) {
            places.blocked.insert(number);
            continue;
        }
        places.followers.emplace(static_cast<std::size_t>(rows.number(row, 1)), number);
        places.following.insert(number);
    }
}

std::set<std::size_t> MergeIsolation::Places::stuck(const Numbers& numbers) const {
    std::set<std::size_t> all;
    Numbers open = numbers;
    while (!open.empty()) {
        const std::size_t number = open.back();
        open.pop_back();
        if (!all.insert(number).second) continue;
        for (auto [at, end] = followers.equal_range(number); at != end; ++at)
            open.push_back(at->second);
    }
    return all;
}

/// Ascending.
void MergeIsolation::try_again(const Numbers& numbers) {
    for (const MergeStep& step : *steps_) {
        const Numbers of_step = of(numbers, step);
        if (of_step.empty()) continue;
        std::set<std::size_t> others;
        for (std::size_t number = of_step.front(); number < of_step.back(); ++number)
            if (!std::ranges::binary_search(of_step, number)) others.insert(number);
        for (const std::size_t number : of_step) waiting_.erase(number);
        Making making(*this, step, &of_step);
        const std::size_t end = of_step.back() + 1;
        halving_.run(making, {of_step.front(), end, end}, others);
        halving_.end_savepoint();
        std::ranges::move(halving_.take_refused(), std::back_inserter(refused_));
    }
}

/// All of them leave their places before the first takes its new one. Whoever cannot take it stays
/// where it was, which is in the way of others: so they go once more without it and these. False:
/// they may not leave, since others refer to them, say.
bool MergeIsolation::exchange(Numbers numbers, const Places& places, Leaving leaving) {
    while (!numbers.empty()) {
        session_.run("SAVEPOINT o");
        try {
            session_.run(take_out(numbers, leaving) + "SAVEPOINT p");
        } catch (const DatabaseError& error) {
            if (!may_be_a_rows(session_, error)) throw;
            session_.run("ROLLBACK TO SAVEPOINT o;RELEASE SAVEPOINT o");
            return leaving == Leaving::rows && can_leave_values() &&
                   exchange(numbers, places, Leaving::values);
        }
        const Numbers refused = put_in(numbers, leaving);
        session_.run(refused.empty() ? "RELEASE SAVEPOINT o"
                                     : "ROLLBACK TO SAVEPOINT o;RELEASE SAVEPOINT o");
        if (refused.empty()) {
            halving_.note_taken(numbers.size());
            for (const std::size_t number : numbers) waiting_.erase(number);
            matched_.insert(numbers.begin(), numbers.end());
            return true;
        }
        const std::set<std::size_t> stuck = places.stuck(refused);
        std::erase_if(numbers, [&](std::size_t number) { return stuck.contains(number); });
    }
    return true;
}

std::string MergeIsolation::take_out(const Numbers& numbers, Leaving leaving) const {
    std::string sql;
    for (const MergeStep& step : *steps_) {
        const Numbers of_step = of(numbers, step);
        if (of_step.empty()) continue;
        const std::string which = statements_.among(of_step);
        sql += leaving == Leaving::rows ? statements_.keep_aside(step, which) + ";"
                                        : statements_.leave_values(step, which);
    }
    if (leaving == Leaving::rows) sql += statements_.take_out(statements_.among(numbers)) + ";";
    return sql;
}

std::string MergeIsolation::put_in_sql(const Numbers& numbers, Leaving leaving) const {
    if (leaving == Leaving::rows) return statements_.put_in(statements_.among(numbers)) + ";";
    std::string sql;
    for (const MergeStep& step : *steps_)
        if (const Numbers of_step = of(numbers, step); !of_step.empty())
            sql += change(step, statements_.among(of_step)) + ";";
    return sql;
}

/// Those that are not taken, if any.
MergeIsolation::Numbers MergeIsolation::put_in(const Numbers& numbers, Leaving leaving) {
    Numbers refused;
    std::vector<Numbers> open = {numbers};  // the next piece is the last
    while (!open.empty()) {
        const Numbers piece = std::move(open.back());
        open.pop_back();
        try {
            session_.run(put_in_sql(piece, leaving) + "RELEASE SAVEPOINT p;SAVEPOINT p");
        } catch (const DatabaseError& error) {
            if (!may_be_a_rows(session_, error)) throw;
            session_.run("ROLLBACK TO SAVEPOINT p");
            if (piece.size() == 1) {
                waiting_.insert_or_assign(piece.front(), error);
                refused.push_back(piece.front());
                continue;
            }
            const auto middle = piece.begin() + static_cast<std::ptrdiff_t>(piece.size() / 2);
            open.emplace_back(middle, piece.end());
            open.emplace_back(piece.begin(), middle);
        }
    }
    return refused;
}

}  // namespace sluice
