#include "sinks/load/merge_isolation.h"

#include "pipeline/fail_point.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

constexpr const char* first = "SAVEPOINT m;";
constexpr const char* undo_change = "ROLLBACK TO SAVEPOINT m;";
constexpr const char* keep_change = "RELEASE SAVEPOINT m;SAVEPOINT m;";

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

std::vector<MergeIsolation::RefusedChange> MergeIsolation::apply(const MergeStep& step) {
    refused_.clear();
    overlapping_.clear();
    matched_.clear();
    blame_.begin_statement();
    before_ = first;
    step_ = &step;
    open_ = {{step.begin, step.end}};
    while (!open_.empty()) {
        const auto [begin, end] = open_.back();
        open_.pop_back();
        if (count(begin, end) == 0) continue;
        try {
            attempt(begin, end);
            blame_.note_taken(count(begin, end));
        } catch (const DatabaseError& error) {
            if (!may_be_a_rows(session_, error)) throw;
            SLUICE_FAIL_POINT("during_isolation");
            if (end - begin == 1) {
                on_failure(begin, error);
                continue;
            }
            const std::size_t middle = begin + (end - begin) / 2;
            open_.emplace_back(middle, end);
            open_.emplace_back(begin, middle);
        }
    }
    exchange();
    end_savepoint();
    return std::move(refused_);
}

std::size_t MergeIsolation::count(std::size_t begin, std::size_t end) const {
    const auto absent = std::distance(absent_.lower_bound(begin), absent_.lower_bound(end));
    return end - begin - static_cast<std::size_t>(absent);
}

bool MergeIsolation::tells_matches(const MergeStep& step) const {
    return statements_.target().mode == config::Mode::update && !step.removes;
}

void MergeIsolation::attempt(std::size_t begin, std::size_t end) {
    std::string sql = std::exchange(before_, undo_change);
    if (!tells_matches(*step_)) {
        session_.run(sql + statements_.apply(*step_, begin, end));
    } else {
        session_.run(sql);
        const Rows matched = session_.exec(statements_.update(*step_, begin, end));
        for (std::size_t row = 0; row < matched.rows.size(); ++row)
            matched_.insert(static_cast<std::size_t>(matched.number(row, 0)));
    }
    before_ = keep_change;
}

void MergeIsolation::try_changes(const MergeStep& step, std::size_t begin, std::size_t end) {
    const std::string sql = std::exchange(before_, undo_change);
    session_.run(sql + (tells_matches(step) ? statements_.update(step, begin, end)
                                            : statements_.apply(step, begin, end)));
}

void MergeIsolation::offer(std::size_t number) {
    const auto step = std::ranges::upper_bound(*steps_, number, {}, &MergeStep::end);
    try_changes(*step, number, number + 1);
}

void MergeIsolation::offer_none() {
    try_changes(*step_, step_->begin, step_->begin);
}

/// Steps follow each other in the order of their numbers.
std::vector<std::size_t> MergeIsolation::rest() const {
    std::vector<std::size_t> rest;
    const auto add = [&](std::size_t begin, std::size_t end) {
        for (std::size_t number = begin; number < end; ++number)
            if (!absent_.contains(number)) rest.push_back(number);
    };
    for (auto piece = open_.rbegin(); piece != open_.rend(); ++piece)
        add(piece->first, piece->second);
    add(step_->end, steps_->back().end);
    return rest;
}

void MergeIsolation::on_failure(std::size_t number, const DatabaseError& error) {
    if (!blame_.is_on(number, error, *this)) {
        open_.emplace_back(number, number + 1);
        return;
    }
    // An exchange deletes rows and brings them back; what they took with them would stay away.
    const MergeTarget& target = statements_.target();
    const bool may_exchange = target.mode == config::Mode::merge && !target.table.cascades &&
                              !step_->removes && step_->kept.empty();
    if (overlaps(error) && may_exchange)
        overlapping_.push_back({number, error});
    else
        refuse(number, error);
}

void MergeIsolation::refuse(std::size_t number, const DatabaseError& error) {
    const DatabaseError::Details& details = error.details();
    refused_.push_back({number, {details.column, shortened_reason(details.message)}});
    blame_.note_refused(error, *this);
}

/// All of them leave their places before the first takes its new one. Whoever cannot take it stays
/// where it was, which may be in the way of others: so they go once more without it.
void MergeIsolation::exchange() {
    while (!overlapping_.empty()) {
        end_savepoint();
        session_.run("SAVEPOINT o");
        std::vector<Overlapping> refused;
        try {
            session_.run(statements_.take_out(numbers_of(overlapping_)) + ";SAVEPOINT p");
            refused = put_in(overlapping_);
        } catch (const DatabaseError& error) {
            if (!may_be_a_rows(session_, error)) throw;
            refused = std::move(overlapping_);  // nobody may leave: others refer to it
        }
        if (refused.empty()) blame_.note_taken(overlapping_.size());
        session_.run(refused.empty() ? "RELEASE SAVEPOINT o"
                                     : "ROLLBACK TO SAVEPOINT o;RELEASE SAVEPOINT o");
        if (refused.empty()) return;
        for (const Overlapping& each : refused) {
            refuse(each.number, each.error);
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

void MergeIsolation::end_savepoint() {
    if (before_ == undo_change) session_.run("ROLLBACK TO SAVEPOINT m;RELEASE SAVEPOINT m");
    if (before_ == keep_change) session_.run("RELEASE SAVEPOINT m");
    before_ = first;
}

}  // namespace sluice
