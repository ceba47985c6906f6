#include "sinks/load/isolation/blame.h"

#include <algorithm>

namespace sluice {
namespace {

/// After so many refused with none taken, for reasons that may be the world's, and after as many
/// again: look elsewhere for one that is taken.
constexpr std::size_t many_alike = 64;
constexpr std::size_t looks_elsewhere = 16;
/// A row that fails when it is loaded and not when it is tried, so many times, is not tried again.
constexpr std::size_t most_turns = 8;
constexpr const char* every_row = "it refuses every row alike";
constexpr const char* in_turns = "it refuses a row and takes it in turns";

}  // namespace

bool overlaps(const DatabaseError& error) {
    return error.sqlstate() == "23505" || error.sqlstate() == "23P01";
}

bool may_be_a_rows(const Session& session, const DatabaseError& error) {
    return session.is_open() && may_be_the_datas(error.sqlstate());
}

void Blame::begin_load(Alike alike) {
    alike_ = alike;
    statement_works_ = took_some_ = false;
    unclear_.reset();
    unclear_refusals_ = turns_ = 0;
}

bool Blame::is_on(std::size_t row, const DatabaseError& error, Trial& trial) {
    const bool is_certain = error.trouble() == Trouble::data;
    if (!is_certain) statement_works_ = false;  // whatever it did before
    prove_that_statement_works(trial);
    if (is_certain || !takes(row, trial)) return true;
    // What was missing, such as a permission, may have come between the two.
    turns_ = turns_ > 0 && turning_ == row ? turns_ + 1 : 1;
    turning_ = row;
    if (turns_ < most_turns) return false;
    if (alike_ == Alike::wait) throw RefusedAlike(error, in_turns);
    return true;
}

/// A trigger for the statement as a whole, or a missing permission, would refuse whatever is
/// offered: no row is to blame, and all would become dead letters.
void Blame::prove_that_statement_works(Trial& trial) {
    if (statement_works_) return;
    try {
        trial.offer_none();
    } catch (const DatabaseError& of_no_row) {
        if (of_no_row.trouble() != Trouble::data) throw;
        const DatabaseError::Details& details = of_no_row.details();
        throw DatabaseError({"55000",
                             "the table refuses even " + trial.none() + ": " + details.message,
                             details.context});
    }
    statement_works_ = true;
}

bool Blame::takes(std::size_t row, Trial& trial) const {
    try {
        trial.offer(row);
        return true;
    } catch (const DatabaseError& error) {
        if (!may_be_a_rows(session_, error)) throw;
        return false;
    }
}

/// A missing permission or a broken function refuses every row: not all of them need be asked.
void Blame::note_refused(const DatabaseError& error, Trial& trial) {
    if (error.trouble() == Trouble::data) return;
    unclear_ = error;
    ++unclear_refusals_;
    if (alike_ == Alike::refuse || took_some_ || unclear_refusals_ % many_alike != 0) return;
    const std::vector<std::size_t> rest = trial.rest();
    if (rest.empty()) return;  // of this statement: others may come
    took_some_ = takes_any_of(rest, trial);
    if (!took_some_) throw RefusedAlike(error, every_row);
}

bool Blame::takes_any_of(const std::vector<std::size_t>& rows, Trial& trial) const {
    const std::size_t looks = std::min(looks_elsewhere, rows.size());
    for (std::size_t i = 1; i <= looks; ++i)
        if (takes(rows[rows.size() * i / looks - 1], trial)) return true;
    return false;
}

void Blame::end_load() const {
    if (unclear_ && !took_some_ && alike_ == Alike::wait) throw RefusedAlike(*unclear_, every_row);
}

}  // namespace sluice
