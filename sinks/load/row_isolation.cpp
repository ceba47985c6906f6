#include "sinks/load/row_isolation.h"

#include "pipeline/fail_point.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

// A failing COPY wastes what the server has done for it; each COPY that succeeds costs a message
// and a savepoint. Measured: both together are least when a window holds this part of the gap
// between refusals. Duplicates show only when all rows of the window are in the table already.
constexpr double window_per_gap = 0.7;
constexpr double window_per_gap_of_duplicates = 0.3;
/// So many gaps without a refusal: the gap was a thing of the past.
constexpr double longest_gap = 4;
constexpr std::size_t smallest_window = 16;
// The judge reads a part of each row once more, and offenders then cost next to nothing. Measured:
// it pays from one offender in this many rows on, and for pieces that are worth its queries.
constexpr double longest_dense_gap = 400;
// The server goes through all rows once more. Measured: that pays where stops of COPY are denser.
constexpr double longest_server_side_gap = 150;
constexpr std::size_t smallest_dense_piece = 1000;
/// Of one load, before the judge is asked about the rest of it.
constexpr std::size_t failures_before_asking = 4;
/// So many, when what was asked could not help. One, when a value could not be read: the ValueJudge
/// may find such values before the next load.
constexpr int loads_without = 20;
constexpr double smoothing = 0.2;
constexpr std::size_t longest_reason = 1000;

constexpr const char* undo = "ROLLBACK TO SAVEPOINT r;";
constexpr const char* keep = "RELEASE SAVEPOINT r;SAVEPOINT r;";

std::string shortened(std::string text) {
    if (text.size() <= longest_reason) return text;
    std::size_t end = longest_reason;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text.resize(end);
    return text + "…";
}

int loads_to_wait(const DatabaseError& error) {
    return parse_copy_context(error.details().context).line ? 1 : loads_without;
}

/// It is about another row: a duplicate of a unique key, or of an exclusion constraint.
bool overlaps(const DatabaseError& error) {
    return error.sqlstate() == "23505" || error.sqlstate() == "23P01";
}

}  // namespace

IsolationOptions isolation_options(CopyStatement copy, const Table& table,
                                   std::vector<std::string> columns, config::OnInvalid on_invalid) {
    IsolationOptions options{.copy = std::move(copy), .columns = std::move(columns)};
    if (on_invalid == config::OnInvalid::null)
        for (const Column& column : table.columns)
            if (!column.not_null) options.nulls_for_invalid.insert(column.name);
    return options;
}

RowIsolation::Known RowIsolation::look(const EncodedRows& rows,
                                       const std::optional<DatabaseError>& first) {
    Known known{first, values_.judge(rows, first)};
    // What it ran into is among these.
    if (!known.unreadable.empty()) known.first.reset();
    return known;
}

Refused RowIsolation::load(const EncodedRows& rows, LineNumbers line_numbers, const Known& known) {
    rows_ = &rows;
    line_numbers_ = line_numbers;
    open_.clear();
    found_.clear();
    changed_.clear();
    duplicates_.clear();
    duplicates_in_copy_.clear();
    last_failure_ = failures_ = suspected_failures_ = 0;
    statement_is_fine_ = false;
    const std::size_t count = rows.rows.size();
    if (count == 0) return {};
    by_judge_.begin_load();
    by_server_.begin_load();
    session_.run("SAVEPOINT r");
    before_copy_ = "";
    window_ = gap_ > 0 ? static_cast<std::size_t>(gap_ * window_per_gap_) : count;
    for (const UnreadableValue& value : known.unreadable) take_out(value);
    if (known.first)
        on_failure({.begin = 0, .end = count}, *known.first);
    else
        open_.push_back({.begin = 0, .end = count});
    while (!open_.empty()) {
        if (judging_pays(open_.back())) judge(open_.back());
        if (server_side_pays(open_.back()))
            load_server_side();
        else
            attempt();
    }
    if (before_copy_ == keep) session_.run("RELEASE SAVEPOINT r");
    if (before_copy_ == undo) session_.run("ROLLBACK TO SAVEPOINT r;RELEASE SAVEPOINT r");
    learn(count);
    return refused();
}

void RowIsolation::OtherWay::begin_load() {
    rows = found = 0;
    if (loads_without > 0) --loads_without;
}

void RowIsolation::OtherWay::note(std::size_t more_rows, std::size_t more_found) {
    rows += more_rows;
    found += more_found;
}

void RowIsolation::OtherWay::give_up(int loads) {
    loads_without = loads;
    gap = 0;
}

double RowIsolation::OtherWay::gap_of_load() const {
    return found == 0 ? 0 : static_cast<double>(rows) / static_cast<double>(found);
}

void RowIsolation::learn(std::size_t rows) {
    if (failures_ == 0) gap_ = 0;
    if (by_server_.rows > 0 || failures_ == 0) by_server_.gap = by_server_.gap_of_load();
    if (by_server_.gap > longest_server_side_gap) gap_ = std::exchange(by_server_.gap, 0);
    if (by_judge_.rows == 0) return;
    by_judge_.gap = by_judge_.gap_of_load();
    if (by_judge_.gap > 0 && by_judge_.gap <= longest_dense_gap) return;
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

bool RowIsolation::judging_pays(const Piece& piece) const {
    if (piece.proven || piece.judged || by_judge_.loads_without > 0 ||
        piece.size() < smallest_dense_piece)
        return false;
    if (by_judge_.gap > 0) return true;
    return suspected_failures_ >= failures_before_asking && gap_ < longest_dense_gap;
}

void RowIsolation::judge(Piece& piece) {
    if (*before_copy_ != '\0') session_.run(before_copy_);
    before_copy_ = undo;
    std::optional<std::vector<Offender>> judged;
    try {
        judged = judge_.judge(*rows_, options_.copy.form, piece.begin, piece.end, changed_);
    } catch (const DatabaseError& error) {
        // An expression that fails for some row, a value that only the table's COPY may read, no
        // right to temporary tables: COPY finds the rows without.
        if (error.trouble() == Trouble::world || error.trouble() == Trouble::again) throw;
        return by_judge_.give_up(loads_to_wait(error));
    }
    if (!judged) return by_judge_.give_up(loads_without);
    before_copy_ = keep;
    piece.judged = true;
    by_judge_.note(piece.size(), judged->size());
    for (Offender& offender : *judged) {
        changed_[offender.row] = std::nullopt;
        if (offender.duplicate_of) duplicates_.emplace(*offender.duplicate_of, offender.row);
        offender.reason.text = shortened(std::move(offender.reason.text));
        found_[offender.row] = {std::move(offender.reason)};
    }
    // What COPY will run into now is something else.
    gap_ = 0;
    last_failure_ = piece.begin;
    window_ = piece.size();
}

bool RowIsolation::server_side_pays(const Piece& piece) const {
    if (piece.proven || line_numbers_ != LineNumbers::exact || by_server_.loads_without > 0 ||
        piece.size() < smallest_dense_piece)
        return false;
    if (by_server_.gap > 0) return true;
    return failures_ >= failures_before_asking && gap_ > 0 && gap_ < longest_server_side_gap;
}

void RowIsolation::load_server_side() {
    const Piece piece = open_.back();
    if (*before_copy_ != '\0') session_.run(before_copy_);
    before_copy_ = undo;
    const double gap = gap_ > 0 ? gap_ : by_server_.gap;
    std::optional<std::vector<ServerSideLoad::RefusedRow>> refused;
    try {
        refused = server_side_.load(*rows_, options_.copy.form, piece.begin, piece.end, changed_,
                                    std::max<std::size_t>(static_cast<std::size_t>(gap / 2), 1));
    } catch (const DatabaseError& error) {
        // A value that only the table's COPY may read, a statement that no row is to blame for, no
        // right to temporary tables, no PL/pgSQL: COPY finds the rows without, or says it better.
        by_server_.give_up(loads_to_wait(error));
        // A statement's time limit (57014), too, is easier kept by COPY, window by window.
        if (error.trouble() == Trouble::world || error.trouble() == Trouble::again) throw;
        return;
    }
    if (!refused) return by_server_.give_up(loads_without);
    SLUICE_FAIL_POINT("during_isolation");
    before_copy_ = keep;
    open_.pop_back();
    by_server_.note(piece.size(), refused->size());
    for (const auto& [row, error] : *refused) put_on_record(row, error);
    // What COPY has run into is done with.
    last_failure_ = piece.end;
}

RowIsolation::Piece RowIsolation::take() {
    Piece piece = open_.back();
    open_.pop_back();
    const std::size_t window = std::max(window_, smallest_window);
    // A rest that is hardly worth a COPY of its own comes along.
    if (!piece.proven && piece.size() > window + window / 2) {
        Piece rest = piece;
        rest.begin = piece.end = piece.begin + window;
        open_.push_back(rest);
    }
    return piece;
}

void RowIsolation::attempt() {
    const Piece first = take();
    std::optional<Piece> second;
    // What was proven will hardly fail, so the next piece can travel in the same message.
    if (first.proven && !open_.empty() && !judging_pays(open_.back()) &&
        !server_side_pays(open_.back()))
        second = take();
    std::string sql = before_copy_ + options_.copy.sql;
    if (second) sql.append(";").append(keep).append(options_.copy.sql);
    session_.send(sql);
    try {
        copy(first);
    } catch (const DatabaseError& error) {
        if (second) open_.push_back(*second);
        on_failure(first, error);
        return;
    }
    before_copy_ = keep;
    if (second) {
        try {
            copy(*second);
        } catch (const DatabaseError& error) {
            on_failure(*second, error);
            return;
        }
    }
    session_.finish();
    const Piece& last = second ? *second : first;
    const auto without_failure = static_cast<double>(last.end - std::min(last.end, last_failure_));
    if (without_failure > gap_ * longest_gap) window_ = std::max(window_, last.size()) * 2;
}

void RowIsolation::copy(const Piece& piece) {
    session_.await_copy();
    const bool binary = options_.copy.form == CopyForm::binary;
    if (binary) session_.put(copy_header());
    std::size_t next = piece.begin;
    for (auto at = changed_.lower_bound(piece.begin); at != changed_.end() && at->first < piece.end;
         ++at) {
        put_rows(session_, *rows_, next, at->first);
        if (at->second) session_.put(*at->second);
        next = at->first + 1;
    }
    put_rows(session_, *rows_, next, piece.end);
    if (binary) session_.put(copy_trailer());
    session_.end_copy();
}

/// Lines count what COPY was sent.
std::size_t RowIsolation::row_of_line(const Piece& piece, std::size_t line) const {
    std::size_t row = piece.begin + line - 1;
    for (auto at = changed_.lower_bound(piece.begin); at != changed_.end() && at->first <= row;
         ++at)
        if (!at->second) ++row;
    return row;
}

void RowIsolation::on_failure(const Piece& piece, const DatabaseError& error) {
    if (error.trouble() != Trouble::data) throw error;
    SLUICE_FAIL_POINT("during_isolation");
    before_copy_ = undo;
    const auto line = parse_copy_context(error.details().context).line;
    const std::size_t row = line ? row_of_line(piece, *line) : piece.end;
    if (row < piece.end) return on_bad_row(piece, row, error);
    if (piece.size() == 1) {
        blame_rows_only(error);
        refuse(piece.begin, error);
        return;
    }
    Piece first = piece;
    Piece second = piece;
    first.proven = second.proven = false;
    first.end = second.begin = piece.begin + piece.size() / 2;
    open_.push_back(second);
    open_.push_back(first);
}

void RowIsolation::on_bad_row(const Piece& piece, std::size_t row, const DatabaseError& error) {
    const auto push = [&](std::size_t begin, std::size_t end, bool proven) {
        if (begin < end)
            open_.push_back({.begin = begin, .end = end, .proven = proven, .judged = piece.judged});
    };
    const bool certain = line_numbers_ == LineNumbers::exact || piece.size() == 1;
    if (certain && make_null(row, parse_copy_context(error.details().context).column)) {
        note_failure(row, error);
        push(row, piece.end, false);
    } else {
        push(row + 1, piece.end, false);
        if (certain)
            refuse(row, error);
        else
            push(row, row + 1, false);
    }
    push(piece.begin, row, true);
}

void RowIsolation::take_out(const UnreadableValue& value) {
    if (make_null(value.row, value.reason.column)) return;
    changed_[value.row] = std::nullopt;
    found_[value.row].push_back({value.reason.column, shortened(value.reason.text)});
}

/// A value that COPY cannot read becomes NULL where the configuration wants that.
bool RowIsolation::make_null(std::size_t row, const std::string& column) {
    if (!options_.nulls_for_invalid.contains(column)) return false;
    const auto found = std::ranges::find(options_.columns, column);
    const auto changed = changed_.find(row);
    const std::string before = changed != changed_.end() && changed->second
                                   ? *changed->second
                                   : std::string(rows_->bytes_of(row));
    auto after = with_null(before, options_.copy.form,
                           static_cast<std::size_t>(found - options_.columns.begin()));
    if (!after) return false;  // it is NULL: a domain that refuses that, too
    changed_[row] = std::move(after);
    return true;
}

void RowIsolation::refuse(std::size_t row, const DatabaseError& error) {
    put_on_record(row, error);
    note_failure(row, error);
}

void RowIsolation::put_on_record(std::size_t row, const DatabaseError& error) {
    const auto& details = error.details();
    const CopyContext context = parse_copy_context(details.context);
    found_[row] = {
        {context.column.empty() ? details.column : context.column, shortened(details.message)}};
    if (context.line && overlaps(error)) duplicates_in_copy_.insert(row);
    take_back_duplicates_of(row, context.line.has_value());
}

/// What was called a duplicate of a row that will not be there gets its own try, the first first.
/// COPY looks at unique keys as it reads, and at foreign keys when it has read everything: a row
/// that it refuses without saying where may have had duplicates behind it.
void RowIsolation::take_back_duplicates_of(std::size_t row, bool while_reading) {
    std::set<std::size_t> taken_back;
    for (auto [at, end] = duplicates_.equal_range(row); at != end; at = duplicates_.erase(at))
        taken_back.insert(at->second);
    if (!while_reading) {
        const auto behind = duplicates_in_copy_.upper_bound(row);
        taken_back.insert(behind, duplicates_in_copy_.end());
        duplicates_in_copy_.erase(behind, duplicates_in_copy_.end());
    }
    for (const std::size_t duplicate : taken_back) {
        found_.erase(duplicate);
        changed_.erase(duplicate);
        // The pieces are in order, the next one last.
        const auto before = std::ranges::find_if(
            open_, [&](const Piece& piece) { return piece.begin <= duplicate; });
        if (before == open_.end() || before->end <= duplicate)
            open_.insert(before, {.begin = duplicate, .end = duplicate + 1});
    }
}

/// What COPY ran into tells how far the next piece should go, and what the judge should look for.
void RowIsolation::note_failure(std::size_t row, const DatabaseError& error) {
    ++failures_;
    values_.note(error);
    // Failures are found nearly in order; what was found out of order is no gap.
    if (row >= last_failure_) {
        const auto seen = static_cast<double>(row - last_failure_ + 1);
        gap_ = gap_ > 0 ? gap_ + smoothing * (seen - gap_) : seen;
        last_failure_ = row;
    }
    window_per_gap_ = overlaps(error) ? window_per_gap_of_duplicates : window_per_gap;
    window_ = static_cast<std::size_t>(gap_ * window_per_gap_);
    // Foreign keys, unique keys, CHECKs.
    if (error.sqlstate() == "23503" || error.sqlstate() == "23505" || error.sqlstate() == "23514") {
        judge_.suspect(error.details().constraint);
        ++suspected_failures_;
    }
}

/// A trigger for the statement as a whole would refuse whatever is offered: no row is to blame, and
/// all would become dead letters.
void RowIsolation::blame_rows_only(const DatabaseError& error) {
    if (statement_is_fine_) return;
    session_.send(before_copy_ + options_.copy.sql);
    try {
        copy({});
        session_.finish();
    } catch (const DatabaseError& of_no_row) {
        if (of_no_row.trouble() != Trouble::data) throw;
        throw DatabaseError({"55000",
                             "the table refuses even a COPY of no rows: " + error.details().message,
                             of_no_row.details().context});
    }
    statement_is_fine_ = true;
    before_copy_ = keep;
}

}  // namespace sluice
