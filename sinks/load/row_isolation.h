#pragma once

#include "config/config.h"
#include "pipeline/mapping/table.h"
#include "sinks/load/constraint_judge.h"
#include "sinks/load/copy_rows.h"
#include "sinks/load/server_side_load.h"
#include "sinks/load/value_judge.h"

#include <cstddef>
#include <map>
#include <optional>
#include <set>
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

struct IsolationOptions {
    CopyStatement copy;
    std::vector<std::string> columns;  ///< of the COPY
    /// on_invalid = "null": where COPY cannot read a value for one of these, it becomes NULL.
    std::set<std::string> nulls_for_invalid{};
};

[[nodiscard]] IsolationOptions isolation_options(CopyStatement copy, const Table& table,
                                                 std::vector<std::string> columns,
                                                 config::OnInvalid on_invalid);

/// Loads all rows that the database takes and finds those that it does not, inside the session's
/// open transaction, with savepoints. One per sink and form: from one batch to the next it keeps
/// how dense refusals are, so that a COPY that fails wastes little, that many go by queries
/// (ConstraintJudge) before COPY can run into them, and that the server goes through the rows by
/// itself (ServerSideLoad) where many are refused for what no query tells. Throws DatabaseError for
/// anything but trouble of the data, and for data trouble that no row is to blame for.
class RowIsolation {
public:
    RowIsolation(Session& session, ConstraintJudge& judge, ServerSideLoad& server_side,
                 IsolationOptions options)
        : session_(session),
          judge_(judge),
          server_side_(server_side),
          options_(std::move(options)),
          values_(session, options_.copy.form, options_.copy.table, options_.columns) {}

    struct Known {
        std::optional<DatabaseError> first{};  ///< what a COPY of all the rows has failed with
        std::vector<UnreadableValue> unreadable{};
    };
    /// What can be known of rows before the transaction begins, the first failure included.
    [[nodiscard]] Known look(const EncodedRows& rows, const std::optional<DatabaseError>& first);
    Refused load(const EncodedRows& rows, LineNumbers line_numbers, const Known& known);

    /// So many rows will very likely hold a bad one: do not try them as a whole first.
    [[nodiscard]] bool expects_refusals(std::size_t rows) const {
        const auto likely = [&](double gap) { return gap > 0 && gap < double(rows); };
        return likely(gap_) || likely(by_judge_.gap) || likely(by_server_.gap) ||
               (rows > 0 && values_.expects_some(rows));
    }

private:
    struct Piece {
        std::size_t begin = 0;
        std::size_t end = 0;
        bool proven = false;  ///< the server has read these rows without complaint: not split again
        bool judged = false;  ///< offenders are out: worth trying as a whole

        [[nodiscard]] std::size_t size() const { return end - begin; }
    };

    /// A way besides COPY to find what is refused, and whether it pays.
    struct OtherWay {
        double gap = 0;         ///< rows per refusal that it finds; 0: it is not gone
        int loads_without = 0;  ///< since it could not help; the load that runs included
        std::size_t rows = 0;   ///< that went it, of the load that runs
        std::size_t found = 0;  ///< of these

        void begin_load();
        void note(std::size_t more_rows, std::size_t more_found);
        void give_up(int loads);
        [[nodiscard]] double gap_of_load() const;
    };

    Piece take();
    void attempt();
    void copy(const Piece& piece);
    [[nodiscard]] std::size_t row_of_line(const Piece& piece, std::size_t line) const;
    void on_failure(const Piece& piece, const DatabaseError& error);
    void on_bad_row(const Piece& piece, std::size_t row, const DatabaseError& error);
    void take_out(const UnreadableValue& value);
    [[nodiscard]] bool make_null(std::size_t row, const std::string& column);
    void note_failure(std::size_t row, const DatabaseError& error);
    void refuse(std::size_t row, const DatabaseError& error);
    void put_on_record(std::size_t row, const DatabaseError& error);
    void blame_rows_only(const DatabaseError& error);
    [[nodiscard]] bool judging_pays(const Piece& piece) const;
    void judge(Piece& piece);
    [[nodiscard]] bool server_side_pays(const Piece& piece) const;
    void load_server_side();
    void take_back_duplicates_of(std::size_t row, bool while_reading);
    void learn(std::size_t rows);
    [[nodiscard]] Refused refused() const;

    Session& session_;
    ConstraintJudge& judge_;
    ServerSideLoad& server_side_;
    const IsolationOptions options_;
    ValueJudge values_;
    double gap_ = 0;  ///< rows from one failure of COPY to the next, smoothed; 0: none known
    double window_per_gap_ = 1;
    OtherWay by_judge_;
    OtherWay by_server_;

    // Of the load() that runs:
    const EncodedRows* rows_ = nullptr;
    LineNumbers line_numbers_ = LineNumbers::exact;
    std::vector<Piece> open_;  ///< what is left to load; the next piece is the last
    std::size_t window_ = 0;
    std::size_t last_failure_ = 0;
    std::size_t failures_ = 0;            ///< of COPY, for a row
    std::size_t suspected_failures_ = 0;  ///< of these, for what the judge could have found
    const char* before_copy_ = "";        ///< what brings the savepoint in order for the next COPY
    bool statement_is_fine_ = false;
    std::map<std::size_t, std::vector<Reason>> found_;
    RowChanges changed_;
    std::multimap<std::size_t, std::size_t> duplicates_;  ///< of a row, among those found
    std::set<std::size_t> duplicates_in_copy_;            ///< found: of what COPY does not say
};

}  // namespace sluice
