#include "sinks/load/isolation/row_isolation.h"

#include "pipeline/fail_point.h"
#include "sinks/session/server_family.h"
#include "sinks/session/server_text.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

// A failing COPY wastes what the server has done for it; each COPY that succeeds costs a message
// and a savepoint. Measured: both together are least when a window holds this part of the gap
// between refusals. Duplicates show only when all rows of the window are in the table already.
constexpr double window_per_gap = 0.7;
constexpr double window_per_gap_of_duplicates = 0.3;
// Where stops are dear: a window goes once more for each row that is set aside, and the COPY of the
// others is shared by so many.
constexpr double window_per_gap_of_mpp = 4;
/// So many gaps without a refusal: the gap was a thing of the past.
constexpr double longest_gap = 4;
// The judge reads a part of each row once more, and offenders then cost next to nothing. Measured:
// it pays from one offender in this many rows on, and for pieces that are worth its queries.
constexpr double longest_dense_gap = 400;
constexpr double longest_dense_gap_of_mpp = 4000;
// The server goes through all rows once more. Measured: that pays where stops of COPY are denser.
constexpr double longest_server_side_gap = 150;
constexpr std::size_t smallest_dense_piece = 1000;
/// Of one load, before the judge is asked about the rest of it.
constexpr std::size_t failures_before_asking = 4;
/// So many, when what was asked could not help. One, when a value could not be read: the ValueJudge
/// may find such values before the next load.
constexpr int loads_without = 20;
constexpr double smoothing = 0.2;

constexpr const char* undo = "ROLLBACK TO SAVEPOINT r;";
constexpr const char* keep = "RELEASE SAVEPOINT r;SAVEPOINT r;";

/// Whether a way besides COPY may be left for COPY, which says better what the matter is.
bool another_way_may_do(const DatabaseError& error) {
    return error.trouble() != Trouble::again && may_be_the_datas(error.sqlstate());
}

/// For how many loads to leave a way that ended so.
int loads_to_leave(const DatabaseError& error) {
    return dynamic_cast<const NotStaged*>(&error) != nullptr ? 1 : loads_without;
}

}  // namespace

std::set<std::string> nulls_for_invalid(const std::vector<Column>& columns,
                                        config::OnInvalid on_invalid) {
    std::set<std::string> names;
    if (on_invalid != config::OnInvalid::null) return names;
    for (const Column& column : columns)
        if (!column.not_null) names.insert(column.name);
    return names;
}

RowIsolation::Known RowIsolation::look(const EncodedRows& rows,
                                       const std::optional<DatabaseError>& first) {
    if (first) values_.note(hint_of(*first).column);
    Known known{.first = first, .unreadable = values_.judge(rows), .loads_others_again = true};
    // What it ran into is among these.
    if (!known.unreadable.empty()) known.first.reset();
    return known;
}

Refused RowIsolation::load(const EncodedRows& rows, const Known& known) {
    rows_.begin(rows);
    blame_.begin_statement();
    open_.clear();
    found_.clear();
    duplicates_.clear();
    last_failure_ = failures_ = suspected_failures_ = 0;
    const std::size_t count = rows.rows.size();
    has_left_others_ = count == 0;
    if (count == 0) return {};
    by_judge_.begin_load();
    by_server_.begin_load();
    mpp_ = is_mpp(session_.family());
    session_.run("SAVEPOINT r");
    before_copy_ = "";
    window_ = gap_ > 0 ? static_cast<std::size_t>(gap_ * window_per_gap_) : count;
    for (const UnreadableValue& value : known.unreadable) take_out(value);
    if (known.first)
        on_failure({.begin = 0, .end = count}, *known.first);
    else
        open_.put({.begin = 0, .end = count});
    while (!open_.empty()) {
        if (judging_pays(open_.next())) judge(open_.next());
        has_left_others_ = may_leave_others(known);
        if (has_left_others_) break;
        if (server_side_pays(open_.next()))
            load_server_side();
        else
            attempt();
    }
    session_.run(before_copy_ == undo ? "ROLLBACK TO SAVEPOINT r;RELEASE SAVEPOINT r"
                                      : "RELEASE SAVEPOINT r");
    learn(count);
    return refused();
}

void RowIsolation::learn(std::size_t rows) {
    if (failures_ == 0) gap_ = 0;
    if (by_server_.rows > 0 || failures_ == 0) by_server_.gap = by_server_.gap_of_load();
    if (by_server_.gap > longest_server_side_gap) gap_ = std::exchange(by_server_.gap, 0);
    if (by_judge_.rows == 0) return;
    by_judge_.gap = by_judge_.gap_of_load();
    if (by_judge_.gap > 0 && by_judge_.gap <= dense_gap()) return;
    // So few that COPY may find them; it will say which constraint they break, if any.
    if (gap_ == 0 && by_judge_.gap < static_cast<double>(rows)) gap_ = by_judge_.gap;
    by_judge_.gap = 0;
    judge_.clear_suspects();
}

Refused RowIsolation::refused() const {
    Refused refused;
    for (const auto& [row, reasons] : found_) {
        refused.rows.push_back(row);
        refused.reasons.push_back(reasons);
    }
    return refused;
}

double RowIsolation::dense_gap() const {
    return mpp_ ? longest_dense_gap_of_mpp : longest_dense_gap;
}

bool RowIsolation::can_be_judged(const Piece& piece) const {
    return !piece.proven && !piece.judged && by_judge_.loads_without == 0 &&
           piece.size() >= smallest_dense_piece;
}

bool RowIsolation::judging_pays(const Piece& piece) const {
    if (!can_be_judged(piece)) return false;
    if (by_judge_.gap > 0) return true;
    return suspected_failures_ >= failures_before_asking && gap_ < dense_gap();
}

/// Where stops are dear, before the first row is looked for.
bool RowIsolation::judged_at_once(Piece& piece, const DatabaseError& error) {
    if (!mpp_ || !can_be_judged(piece) || !judge_.suspect(error)) return false;
    ++suspected_failures_;
    judge(piece);
    return piece.judged;
}

void RowIsolation::judge(Piece& piece) {
    if (*before_copy_ != '\0') session_.run(before_copy_);
    before_copy_ = undo;
    std::optional<std::vector<Offender>> judged;
    try {
        judged = judge_.judge(rows_.range(piece.begin, piece.end));
    } catch (const DatabaseError& error) {
        // An expression that fails for some row, a value that only the table's COPY may read, no
        // right to temporary tables: COPY finds the rows without.
        if (!another_way_may_do(error)) throw;
        return by_judge_.give_up(loads_to_leave(error));
    }
    if (!judged) return by_judge_.give_up(loads_without);
    if (judge_.has_staged()) before_copy_ = keep;
    piece.judged = true;
    by_judge_.note(piece.size(), judged->size());
    // What these rows run into is nothing that it knows.
    if (by_judge_.found == 0 && suspected_failures_ > 0) by_judge_.give_up(loads_without);
    for (Offender& offender : *judged) {
        rows_.leave_out(offender.row);
        if (offender.duplicate_of) duplicates_.emplace(*offender.duplicate_of, offender.row);
        offender.reason.text = shortened_reason(std::move(offender.reason.text));
        found_[offender.row] = {std::move(offender.reason)};
    }
    // What COPY will run into now is something else.
    gap_ = 0;
    last_failure_ = piece.begin;
    window_ = piece.size();
}

/// Some were found, and no COPY has put any into the table.
bool RowIsolation::may_leave_others(const Known& known) const {
    return known.loads_others_again && loses_rows_of_savepoints(session_.family()) &&
           !found_.empty() && open_.has_one() && open_.next().aside.empty() &&
           open_.next().size() == rows_.rows().rows.size();
}

bool RowIsolation::server_side_pays(const Piece& piece) const {
    if (piece.proven || by_server_.loads_without > 0 || piece.size() < smallest_dense_piece)
        return false;
    if (by_server_.gap > 0) return true;
    return failures_ >= failures_before_asking && gap_ > 0 && gap_ < longest_server_side_gap;
}

void RowIsolation::load_server_side() {
    const Piece piece = open_.next();
    if (*before_copy_ != '\0') session_.run(before_copy_);
    before_copy_ = undo;
    const double gap = gap_ > 0 ? gap_ : by_server_.gap;
    std::optional<std::vector<ServerSideLoad::RefusedRow>> refused;
    try {
        refused = server_side_.load(rows_.range(piece.begin, piece.end),
                                    std::max<std::size_t>(static_cast<std::size_t>(gap / 2), 1));
    } catch (const DatabaseError& error) {
        // A value that only the table's COPY may read, a statement that no row is to blame for, no
        // right to temporary tables, no PL/pgSQL: COPY finds the rows without, or says it better.
        by_server_.give_up(loads_to_leave(error));
        // A statement's time limit (57014), too, is easier kept by COPY, window by window.
        if (!another_way_may_do(error)) throw;
        return;
    }
    if (!refused) return by_server_.give_up(loads_without);
    SLUICE_FAIL_POINT("during_isolation");
    before_copy_ = keep;
    static_cast<void>(open_.take());
    by_server_.note(piece.size(), refused->size());
    blame_.note_taken(rows_.count(piece.begin, piece.end) - refused->size());
    for (const auto& [row, error] : *refused) put_on_record(row, error);
    // What COPY has run into is done with.
    last_failure_ = piece.end;
}

void RowIsolation::attempt() {
    const Piece first = take();
    std::optional<Piece> second;
    // What was proven will hardly fail, so the next piece can travel in the same message.
    if (first.proven && !open_.empty() && !judging_pays(open_.next()) &&
        !server_side_pays(open_.next()))
        second = take();
    std::string sql = before_copy_ + options_.copy.sql;
    if (second) sql.append(";").append(keep).append(options_.copy.sql);
    session_.send(sql);
    try {
        copy(first.begin, first.end);
    } catch (const DatabaseError& error) {
        if (second) open_.put(*second);
        on_failure(first, error);
        return;
    }
    before_copy_ = keep;
    on_success(first);
    if (second) {
        try {
            copy(second->begin, second->end);
        } catch (const DatabaseError& error) {
            on_failure(*second, error);
            return;
        }
        on_success(*second);
    }
    session_.finish();
    const Piece& last = second ? *second : first;
    const auto without_failure = static_cast<double>(last.end - std::min(last.end, last_failure_));
    if (without_failure > gap_ * longest_gap) window_ = std::max(window_, last.size()) * 2;
}

void RowIsolation::copy(std::size_t begin, std::size_t end) {
    session_.await_copy();
    rows_.put(session_, begin, end);
    session_.end_copy();
}

void RowIsolation::try_rows(std::size_t begin, std::size_t end) {
    session_.send(before_copy_ + options_.copy.sql);
    before_copy_ = undo;
    copy(begin, end);
    session_.finish();
}

void RowIsolation::offer(std::size_t row) {
    try_rows(row, row + 1);
}

void RowIsolation::offer_none() {
    try_rows(0, 0);
}

CopyHint RowIsolation::hint_of(const DatabaseError& error) const {
    return copy_hint(error.details().context, options_.copy.relation, options_.copy.columns);
}

void RowIsolation::on_success(const Piece& piece) {
    blame_.note_taken(rows_.count(piece.begin, piece.end));
    // It was not this one, so it is somewhere behind it.
    if (piece.accused && !open_.empty()) open_.next().doubted = true;
    open_.accuse(piece.aside);
}

void RowIsolation::on_failure(Piece piece, const DatabaseError& error) {
    if (!may_be_a_rows(session_, error)) throw error;
    SLUICE_FAIL_POINT("during_isolation");
    before_copy_ = undo;
    if (piece.size() == 1) return on_bad_row(piece, error);
    if (judged_at_once(piece, error)) return open_.put(std::move(piece));
    const auto line = piece.doubted || piece.proven ? std::nullopt : hint_of(error).line;
    const std::size_t row =
        line && *line <= piece.size() ? rows_.row_of_line(piece.begin, *line) : piece.end;
    if (row >= piece.end) return open_.halve(piece);
    if (!mpp_) return open_.split(piece, row);
    const auto seen = static_cast<double>(row - piece.begin + 1);
    const double gap = std::max({seen, gap_, static_cast<double>(smallest_window)});
    open_.set_aside(std::move(piece), row, static_cast<std::size_t>(gap * window_per_gap_of_mpp));
}

void RowIsolation::on_bad_row(const Piece& piece, const DatabaseError& error) {
    if (!blame_.is_on(piece.begin, error, *this)) return open_.put(piece);
    const std::optional<DatabaseError> refused = not_nulled(piece.begin, error);
    if (!refused) {
        note_failure(piece.begin, error);
        // It goes once more, with those behind it.
        if (!open_.empty() && open_.next().begin == piece.end)
            open_.next().begin = piece.begin;
        else
            open_.put(piece);
    } else {
        put_on_record(piece.begin, *refused);
        note_failure(piece.begin, error);
        blame_.note_refused(*refused, *this);
    }
}

void RowIsolation::take_out(const UnreadableValue& value) {
    if (options_.nulls_for_invalid.contains(value.reason.column)) {
        const auto at = std::ranges::find(options_.copy.columns, value.reason.column);
        const auto field = static_cast<std::size_t>(at - options_.copy.columns.begin());
        if (rows_.make_null(value.row, field)) return;
    }
    rows_.leave_out(value.row);
    found_[value.row].push_back({value.reason.column, shortened_reason(value.reason.text)});
}

/// Why a row that was refused by this stays so; nullopt: what COPY cannot read of it is NULL now.
std::optional<DatabaseError> RowIsolation::not_nulled(std::size_t row, const DatabaseError& error) {
    // With its table an error is about a constraint of it.
    if (options_.nulls_for_invalid.empty() || !error.details().table.empty()) return error;
    const FieldTrial::Verdict verdict = fields_.judge(rows_.bytes_of(row), hint_of(error).column);
    bool any = false;
    for (const std::size_t field : verdict.unreadable) any |= rows_.make_null(row, field);
    if (any) return std::nullopt;
    return verdict.besides ? verdict.besides : error;
}

void RowIsolation::put_on_record(std::size_t row, const DatabaseError& error) {
    const auto& details = error.details();
    const std::string column = details.column.empty() ? hint_of(error).column : details.column;
    found_[row] = {{column, shortened_reason(details.message)}};
    take_back_duplicates_of(row);
}

/// What was called a duplicate of a row that will not be there gets its own try, the first first.
void RowIsolation::take_back_duplicates_of(std::size_t row) {
    std::set<std::size_t> taken_back;
    for (auto [at, end] = duplicates_.equal_range(row); at != end; at = duplicates_.erase(at))
        taken_back.insert(at->second);
    for (const std::size_t duplicate : taken_back) {
        found_.erase(duplicate);
        rows_.put_back(duplicate);
        open_.reopen(duplicate);
    }
}

/// What COPY ran into tells how far the next piece should go, and what the judge should look for.
void RowIsolation::note_failure(std::size_t row, const DatabaseError& error) {
    ++failures_;
    values_.note(hint_of(error).column);
    // Failures are found nearly in order; what was found out of order is no gap.
    if (row >= last_failure_) {
        const auto seen = static_cast<double>(row - last_failure_ + 1);
        gap_ = gap_ > 0 ? gap_ + smoothing * (seen - gap_) : seen;
        last_failure_ = row;
    }
    window_per_gap_ = mpp_              ? window_per_gap_of_mpp
                      : overlaps(error) ? window_per_gap_of_duplicates
                                        : window_per_gap;
    window_ = static_cast<std::size_t>(gap_ * window_per_gap_);
    if (judge_.suspect(error)) ++suspected_failures_;
}

}  // namespace sluice
