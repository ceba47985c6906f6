#include "sinks/row_isolation.h"

#include "pipeline/fail_point.h"

#include <algorithm>
#include <charconv>

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

}  // namespace

CopyContext parse_copy_context(std::string_view context) {
    // The outermost context is the last line: a trigger's own COPY would stand before it.
    CopyContext found;
    const auto start = context.rfind("COPY ");
    if (start == std::string_view::npos) return found;
    context.remove_prefix(start);
    constexpr std::string_view line_mark = ", line ";
    constexpr std::string_view column_mark = ", column ";
    const auto line = context.find(line_mark);
    if (line == std::string_view::npos) return found;
    context.remove_prefix(line + line_mark.size());
    std::size_t number = 0;
    const auto [end, error] =
        std::from_chars(context.data(), context.data() + context.size(), number);
    if (error != std::errc() || number == 0) return found;
    found.line = number;
    context.remove_prefix(static_cast<std::size_t>(end - context.data()));
    if (context.substr(0, column_mark.size()) != column_mark) return found;
    context.remove_prefix(column_mark.size());
    context = context.substr(0, context.find('\n'));
    found.column = context.substr(0, context.find(": "));
    return found;
}

Refused RowIsolation::load(const EncodedRows& rows, LineNumbers line_numbers,
                           const std::optional<DatabaseError>& first) {
    rows_ = &rows;
    line_numbers_ = line_numbers;
    open_.clear();
    found_.clear();
    last_refusal_ = 0;
    statement_is_fine_ = false;
    const std::size_t count = rows.rows.size();
    if (count == 0) return {};
    session_.run("SAVEPOINT r");
    before_copy_ = "";
    window_ = gap_ > 0 ? static_cast<std::size_t>(gap_ * window_per_gap_) : count;
    if (first)
        on_failure({0, count, false}, *first);
    else
        open_.push_back({0, count, false});
    while (!open_.empty()) attempt();
    if (before_copy_ == keep) session_.run("RELEASE SAVEPOINT r");
    if (before_copy_ == undo) session_.run("ROLLBACK TO SAVEPOINT r;RELEASE SAVEPOINT r");
    if (found_.empty()) gap_ = 0;

    std::sort(found_.begin(), found_.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    Refused refused;
    for (auto& [row, reason] : found_) {
        refused.rows.push_back(row);
        refused.reasons.push_back({std::move(reason)});
    }
    return refused;
}

RowIsolation::Piece RowIsolation::take() {
    Piece piece = open_.back();
    open_.pop_back();
    const std::size_t window = std::max(window_, smallest_window);
    // A rest that is hardly worth a COPY of its own comes along.
    if (!piece.proven && piece.size() > window + window / 2) {
        open_.push_back({piece.begin + window, piece.end, false});
        piece.end = piece.begin + window;
    }
    return piece;
}

void RowIsolation::attempt() {
    const Piece first = take();
    std::optional<Piece> second;
    // What was proven will hardly fail, so the next piece can travel in the same message.
    if (first.proven && !open_.empty()) second = take();
    std::string sql = before_copy_ + copy_.sql;
    if (second) sql.append(";").append(keep).append(copy_.sql);
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
    const auto without_refusal = static_cast<double>(last.end - std::min(last.end, last_refusal_));
    if (without_refusal > gap_ * longest_gap) window_ = std::max(window_, last.size()) * 2;
}

void RowIsolation::copy(const Piece& piece) {
    session_.await_copy();
    put_rows(session_, copy_.form, *rows_, piece.begin, piece.end);
    session_.end_copy();
}

void RowIsolation::on_failure(const Piece& piece, const DatabaseError& error) {
    if (error.trouble() != Trouble::data) throw error;
    SLUICE_FAIL_POINT("during_isolation");
    before_copy_ = undo;
    const auto line = parse_copy_context(error.details().context).line;
    if (line && *line <= piece.size()) {
        const std::size_t row = piece.begin + *line - 1;
        if (row + 1 < piece.end) open_.push_back({row + 1, piece.end, false});
        if (line_numbers_ == LineNumbers::exact || piece.size() == 1)
            refuse(row, error);
        else
            open_.push_back({row, row + 1, false});
        if (piece.begin < row) open_.push_back({piece.begin, row, true});
        return;
    }
    if (piece.size() == 1) {
        blame_rows_only(error);
        refuse(piece.begin, error);
        return;
    }
    const std::size_t middle = piece.begin + piece.size() / 2;
    open_.push_back({middle, piece.end, false});
    open_.push_back({piece.begin, middle, false});
}

void RowIsolation::refuse(std::size_t row, const DatabaseError& error) {
    const auto& details = error.details();
    std::string column = parse_copy_context(details.context).column;
    if (column.empty()) column = details.column;
    found_.emplace_back(row, Reason{std::move(column), shortened(details.message)});
    // Refusals are found nearly in order; what was found out of order is no gap.
    if (row >= last_refusal_) {
        const auto seen = static_cast<double>(row - last_refusal_ + 1);
        gap_ = gap_ > 0 ? gap_ + smoothing * (seen - gap_) : seen;
        last_refusal_ = row;
    }
    const bool duplicate = error.sqlstate() == "23505" || error.sqlstate() == "23P01";
    window_per_gap_ = duplicate ? window_per_gap_of_duplicates : window_per_gap;
    window_ = static_cast<std::size_t>(gap_ * window_per_gap_);
}

/// A trigger for the statement as a whole would refuse whatever is offered: no row is to blame, and
/// all would become dead letters.
void RowIsolation::blame_rows_only(const DatabaseError& error) {
    if (statement_is_fine_) return;
    session_.send(before_copy_ + copy_.sql);
    try {
        copy({0, 0, false});
        session_.finish();
    } catch (const DatabaseError& of_no_row) {
        if (of_no_row.trouble() != Trouble::data) throw;
        throw DatabaseError({"55000",
                             "the table refuses even a COPY of no rows: " + error.details().message,
                             of_no_row.details().context,
                             {}});
    }
    statement_is_fine_ = true;
    before_copy_ = keep;
}

}  // namespace sluice
