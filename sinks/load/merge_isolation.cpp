#include "sinks/load/merge_isolation.h"

#include "pipeline/fail_point.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

constexpr const char* first = "SAVEPOINT m;";
constexpr const char* undo = "ROLLBACK TO SAVEPOINT m;";
constexpr const char* keep = "RELEASE SAVEPOINT m;SAVEPOINT m;";

/// So many refused with none taken, for reasons that may be the world's, tell of no row.
constexpr std::size_t many_alike = 64;

/// It is about another row: a duplicate of a unique key, or of an exclusion constraint.
bool overlaps(const DatabaseError& error) {
    return error.sqlstate() == "23505" || error.sqlstate() == "23P01";
}

std::vector<std::size_t> numbers_of(const auto& rows) {
    std::vector<std::size_t> numbers;
    for (const auto& row : rows) numbers.push_back(row.number);
    return numbers;
}

}  // namespace

void MergeIsolation::begin_load(Alike alike) {
    alike_ = alike;
    statement_is_fine_ = took_some_ = false;
    unclear_.reset();
    unclear_refusals_ = 0;
}

std::vector<MergeIsolation::RefusedChange> MergeIsolation::apply(const MergeStep& step) {
    refused_.clear();
    overlapping_.clear();
    matched_.clear();
    statement_is_fine_ = false;
    before_ = first;
    std::vector<std::pair<std::size_t, std::size_t>> open = {{step.begin, step.end}};
    while (!open.empty()) {
        const auto [begin, end] = open.back();
        open.pop_back();
        if (begin == end) continue;
        try {
            attempt(step, begin, end);
            took_some_ = true;
        } catch (const DatabaseError& error) {
            if (!session_.is_open() || !may_be_the_datas(error.sqlstate())) throw;
            SLUICE_FAIL_POINT("during_isolation");
            if (end - begin == 1) {
                on_failure(step, begin, error);
                continue;
            }
            const std::size_t middle = begin + (end - begin) / 2;
            open.emplace_back(middle, end);
            open.emplace_back(begin, middle);
        }
    }
    end_savepoint();
    exchange();
    return std::move(refused_);
}

void MergeIsolation::attempt(const MergeStep& step, std::size_t begin, std::size_t end) {
    std::string sql = before_;
    before_ = undo;
    if (statements_.target().mode != config::Mode::update || step.removes) {
        session_.run(sql + statements_.apply(step, begin, end));
    } else {
        session_.run(sql);
        const Rows matched = session_.exec(statements_.update(step, begin, end));
        for (std::size_t row = 0; row < matched.rows.size(); ++row)
            matched_.insert(static_cast<std::size_t>(matched.number(row, 0)));
    }
    before_ = keep;
}

bool MergeIsolation::is_taken(const MergeStep& step, std::size_t number) {
    try {
        attempt(step, number, number + 1);
        return true;
    } catch (const DatabaseError& error) {
        if (!session_.is_open() || !may_be_the_datas(error.sqlstate())) throw;
        return false;
    }
}

void MergeIsolation::on_failure(const MergeStep& step, std::size_t number,
                                const DatabaseError& error) {
    const bool is_certain = error.trouble() == Trouble::data;
    if (!is_certain) statement_is_fine_ = false;  // whatever it was before
    blame_changes_only(step);
    // What was missing, such as a permission, may have come between the two: who is to blame fails
    // once more now that the statement works.
    if (!is_certain && is_taken(step, number)) {
        took_some_ = true;
        return;
    }
    const bool may_exchange =
        statements_.target().mode == config::Mode::merge && !step.removes && step.kept.empty();
    if (overlaps(error) && may_exchange)
        overlapping_.push_back({number, error});
    else
        refuse(number, error);
}

/// A trigger for the statement as a whole, or a missing permission, would refuse whatever is
/// offered.
void MergeIsolation::blame_changes_only(const MergeStep& step) {
    if (statement_is_fine_) return;
    try {
        attempt(step, step.begin, step.begin);
    } catch (const DatabaseError& of_no_change) {
        if (of_no_change.trouble() != Trouble::data) throw;
        const DatabaseError::Details& details = of_no_change.details();
        throw DatabaseError({"55000",
                             "the table refuses even a change of no row: " + details.message,
                             details.context});
    }
    statement_is_fine_ = true;
}

void MergeIsolation::refuse(std::size_t number, const DatabaseError& error) {
    const DatabaseError::Details& details = error.details();
    refused_.push_back({number, {details.column, shortened_reason(details.message)}});
    if (error.trouble() == Trouble::data) return;
    unclear_ = error;
    if (++unclear_refusals_ >= many_alike && !took_some_ && alike_ == Alike::wait)
        throw RefusedAlike(error);
}

/// All of them leave their places before the first takes its new one. Whoever cannot take it stays
/// where it was, which may be in the way of others: so they go once more without it.
void MergeIsolation::exchange() {
    while (!overlapping_.empty()) {
        session_.run("SAVEPOINT o");
        std::vector<Overlapping> refused;
        try {
            session_.run(statements_.take_out(numbers_of(overlapping_)) + ";SAVEPOINT p");
            refused = put_in(overlapping_);
        } catch (const DatabaseError& error) {
            if (!session_.is_open() || !may_be_the_datas(error.sqlstate())) throw;
            refused = std::move(overlapping_);  // nobody may leave: others refer to it
        }
        took_some_ |= refused.size() < overlapping_.size();
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
            if (!session_.is_open() || !may_be_the_datas(error.sqlstate())) throw;
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
    if (before_ == undo) session_.run("ROLLBACK TO SAVEPOINT m;RELEASE SAVEPOINT m");
    if (before_ == keep) session_.run("RELEASE SAVEPOINT m");
    before_ = "";
}

}  // namespace sluice
