#pragma once

#include "sinks/copy_rows.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// Rows that the database does not take, and why.
struct Refused {
    std::vector<std::size_t> rows;  ///< indices, ascending
    std::vector<std::vector<Reason>> reasons;
};

/// Whether the line that a COPY error names is the bad row, or only where to look first: an MPP
/// database reports what its segments saw.
enum class LineNumbers { exact, hint };

/// Loads all rows that the database takes and finds those that it does not, inside the session's
/// open transaction, with savepoints. One per sink and form: from one batch to the next it keeps
/// how dense refusals are, so that a COPY that fails wastes little. Throws DatabaseError for
/// anything but trouble of the data, and for data trouble that no row is to blame for.
class RowIsolation {
public:
    RowIsolation(Session& session, CopyStatement copy)
        : session_(session), copy_(std::move(copy)) {}

    /// `first`: what a COPY of all these rows has just failed with, if one was tried.
    Refused load(const EncodedRows& rows, LineNumbers line_numbers,
                 const std::optional<DatabaseError>& first);

    /// So many rows will very likely hold a bad one: do not try them as a whole first.
    [[nodiscard]] bool expects_refusals(std::size_t rows) const {
        return gap_ > 0 && gap_ < double(rows);
    }

private:
    struct Piece {
        std::size_t begin = 0;
        std::size_t end = 0;
        bool proven = false;  ///< the server has read these rows without complaint: not split again

        [[nodiscard]] std::size_t size() const { return end - begin; }
    };

    Piece take();
    void attempt();
    void copy(const Piece& piece);
    void on_failure(const Piece& piece, const DatabaseError& error);
    void refuse(std::size_t row, const DatabaseError& error);
    void blame_rows_only(const DatabaseError& error);

    Session& session_;
    CopyStatement copy_;
    double gap_ = 0;  ///< rows from one refusal to the next, smoothed; 0: none known
    double window_per_gap_ = 1;

    // Of the load() that runs:
    const EncodedRows* rows_ = nullptr;
    LineNumbers line_numbers_ = LineNumbers::exact;
    std::vector<Piece> open_;  ///< what is left to load; the next piece is the last
    std::size_t window_ = 0;
    std::size_t last_refusal_ = 0;
    const char* before_copy_ = "";  ///< what brings the savepoint in order for the next COPY
    bool statement_is_fine_ = false;
    std::vector<std::pair<std::size_t, Reason>> found_;
};

/// From CONTEXT: "COPY orders, line 12, column ts: …". The line counts from 1.
struct CopyContext {
    std::optional<std::size_t> line;
    std::string column;
};
[[nodiscard]] CopyContext parse_copy_context(std::string_view context);

}  // namespace sluice
