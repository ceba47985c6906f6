#pragma once

#include "config/config.h"
#include "pipeline/mapping/table.h"
#include "sinks/load/constraint_judge.h"
#include "sinks/load/copy_rows.h"
#include "sinks/load/field_trial.h"
#include "sinks/load/server_side_load.h"
#include "sinks/load/value_judge.h"
#include "sinks/session/server_text.h"

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
    bool took_others = false;
    /// Of some row's error whose code does not say that it is about the data: it only is if other
    /// rows were taken.
    std::optional<DatabaseError> unclear{};
};

/// Every row is refused alike, by an error whose code does not say that it is about the data: that
/// cannot be told from trouble of the world.
class RefusedAlike : public DatabaseError {
public:
    explicit RefusedAlike(const DatabaseError& error) : DatabaseError(error) {}
};

/// What to do with rows that are refused alike: RefusedAlike, as soon as that shows, or blame them.
enum class Alike { wait, refuse };

struct IsolationOptions {
    CopyStatement copy;
    /// on_invalid = "null": a value of one of these that COPY cannot read becomes NULL.
    std::set<std::string> nulls_for_invalid{};
};

[[nodiscard]] IsolationOptions isolation_options(CopyStatement copy, const Table& table,
                                                 config::OnInvalid on_invalid);

/// Loads all rows that the database takes and finds those that it does not, inside the session's
/// open transaction, with savepoints. What an error says of where it happened is where to look
/// first: a row is refused when a COPY of it alone fails, behind the rows before it, and a COPY of
/// no rows does not. One per target and form: from one batch to the next it keeps how dense
/// refusals are, so that a COPY that fails wastes little, that many go by queries (ConstraintJudge)
/// before COPY can run into them, and that the server goes through the rows by itself
/// (ServerSideLoad) where many are refused for what no query tells. Throws DatabaseError for
/// trouble of the world, and for trouble that no row is to blame for.
class RowIsolation {
public:
    RowIsolation(Session& session, ConstraintJudge& judge, ServerSideLoad& server_side,
                 IsolationOptions options)
        : session_(session),
          judge_(judge),
          server_side_(server_side),
          options_(std::move(options)),
          values_(session, options_.copy),
          fields_(session, options_.copy, options_.nulls_for_invalid) {}

    struct Known {
        std::optional<DatabaseError> first{};  ///< what a COPY of all the rows has failed with
        std::vector<UnreadableValue> unreadable{};
    };
    /// What can be known of rows before the transaction begins, the first failure included.
    [[nodiscard]] Known look(const EncodedRows& rows, const std::optional<DatabaseError>& first);
    Refused load(const EncodedRows& rows, const Known& known, Alike alike);

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
        bool proven = false;   ///< an error said that what is wrong is behind them: not split
        bool judged = false;   ///< offenders are out: worth trying as a whole
        bool accused = false;  ///< one row, by an error's text: whether that is true shows now
        bool doubted = false;  ///< an error's text has misled here: halves instead

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
    [[nodiscard]] std::size_t rows_left(const Piece& piece) const;
    [[nodiscard]] CopyHint hint_of(const DatabaseError& error) const;
    void on_success(const Piece& piece);
    void on_failure(const Piece& piece, const DatabaseError& error);
    void on_bad_row(const Piece& piece, const DatabaseError& error);
    void stop_when_alike(const DatabaseError& error);
    [[nodiscard]] bool is_taken(std::size_t row);
    void take_out(const UnreadableValue& value);
    [[nodiscard]] bool make_null(std::size_t row, std::size_t field);
    [[nodiscard]] bool nulled(std::size_t row, const DatabaseError& error);
    [[nodiscard]] std::string_view bytes_now(std::size_t row) const;
    void note_failure(std::size_t row, const DatabaseError& error);
    void refuse(std::size_t row, const DatabaseError& error);
    void put_on_record(std::size_t row, const DatabaseError& error);
    void blame_rows_only();
    [[nodiscard]] bool judging_pays(const Piece& piece) const;
    void judge(Piece& piece);
    [[nodiscard]] bool server_side_pays(const Piece& piece) const;
    void load_server_side();
    void take_back_duplicates_of(std::size_t row);
    void learn(std::size_t rows);
    [[nodiscard]] Refused refused() const;

    Session& session_;
    ConstraintJudge& judge_;
    ServerSideLoad& server_side_;
    const IsolationOptions options_;
    ValueJudge values_;
    FieldTrial fields_;
    double gap_ = 0;  ///< rows from one failure of COPY to the next, smoothed; 0: none known
    double window_per_gap_ = 1;
    OtherWay by_judge_;
    OtherWay by_server_;

    // Of the load() that runs:
    const EncodedRows* rows_ = nullptr;
    Alike alike_ = Alike::refuse;
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
    bool took_some_ = false;
    std::optional<DatabaseError> unclear_;
    std::size_t unclear_refusals_ = 0;
};

}  // namespace sluice
