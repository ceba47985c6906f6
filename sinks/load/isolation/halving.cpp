#include "sinks/load/isolation/halving.h"

#include "pipeline/fail_point.h"

#include <iterator>

namespace sluice {
namespace {

constexpr const char* first_piece = "SAVEPOINT m;";
constexpr const char* undo_piece = "ROLLBACK TO SAVEPOINT m;";
constexpr const char* keep_piece = "RELEASE SAVEPOINT m;SAVEPOINT m;";

}  // namespace

RefusedNumber refused_by(std::size_t number, const DatabaseError& error) {
    const DatabaseError::Details& details = error.details();
    return {number, {{details.column, shortened_reason(details.message)}}};
}

void Halving::run(Work& work, const Range& range, const std::set<std::size_t>& absent) {
    work_ = &work;
    range_ = range;
    absent_ = &absent;
    refused_.clear();
    blame_.begin_statement();
    before_ = first_piece;
    open_ = {{range.begin, range.end}};
    while (!open_.empty()) {
        const auto [begin, end] = open_.back();
        open_.pop_back();
        if (count(begin, end) == 0) continue;
        try {
            work_->make(std::exchange(before_, undo_piece), begin, end);
            before_ = keep_piece;
            blame_.note_taken(count(begin, end));
        } catch (const DatabaseError& error) {
            if (!may_be_a_rows(session_, error)) throw;
            SLUICE_FAIL_POINT("during_isolation");
            if (end - begin == 1) {
                on_failure(begin, error);
                continue;
            }
            if (work_->takes_out(before_, error, begin, end)) {
                before_ = keep_piece;
                open_.emplace_back(begin, end);
                continue;
            }
            const std::size_t middle = begin + (end - begin) / 2;
            open_.emplace_back(middle, end);
            open_.emplace_back(begin, middle);
        }
    }
}

std::size_t Halving::count(std::size_t begin, std::size_t end) const {
    const auto absent = std::distance(absent_->lower_bound(begin), absent_->lower_bound(end));
    return end - begin - static_cast<std::size_t>(absent);
}

void Halving::offer(std::size_t number) {
    work_->attempt(std::exchange(before_, undo_piece), number, number + 1);
}

void Halving::offer_none() {
    work_->attempt(std::exchange(before_, undo_piece), range_.begin, range_.begin);
}

std::vector<std::size_t> Halving::rest() const {
    std::vector<std::size_t> rest;
    const auto add = [&](std::size_t begin, std::size_t end) {
        for (std::size_t number = begin; number < end; ++number)
            if (!absent_->contains(number)) rest.push_back(number);
    };
    for (auto piece = open_.rbegin(); piece != open_.rend(); ++piece)
        add(piece->first, piece->second);
    add(range_.end, range_.last);
    return rest;
}

void Halving::on_failure(std::size_t number, const DatabaseError& error) {
    if (!blame_.is_on(number, error, *this)) {
        open_.emplace_back(number, number + 1);
        return;
    }
    if (work_->sets_aside(number, error)) return;
    refused_.push_back(refused_by(number, error));
    blame_.note_refused(error, *this);
}

void Halving::end_savepoint() {
    if (before_ == undo_piece) session_.run("ROLLBACK TO SAVEPOINT m;RELEASE SAVEPOINT m");
    if (before_ == keep_piece) session_.run("RELEASE SAVEPOINT m");
    before_ = first_piece;
}

}  // namespace sluice
