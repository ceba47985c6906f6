#pragma once

#include "config/config.h"
#include "pipeline/table.h"
#include "sinks/load/isolation/blame.h"
#include "sinks/load/isolation/constraint_judge.h"
#include "sinks/load/isolation/field_trial.h"
#include "sinks/load/isolation/open_pieces.h"
#include "sinks/load/isolation/other_way.h"
#include "sinks/load/isolation/server_side_load.h"
#include "sinks/load/isolation/value_judge.h"
#include "sinks/session/server_text.h"

#include <algorithm>
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

struct IsolationOptions {
    CopyStatement copy;
    /// on_invalid = "null": a value of one of these that COPY cannot read becomes NULL.
    std::set<std::string> nulls_for_invalid{};
};

/// Those of these columns, as the configuration has it.
[[nodiscard]] std::set<std::string> nulls_for_invalid(const std::vector<Column>& columns,
                                                      config::OnInvalid on_invalid);

/// Loads all rows that the database takes and finds those that it does not, inside the session's
/// open transaction, with savepoints. What an error says of where it happened is where to look
/// first; that a row is refused, Blame proves. One per target and form: from one batch to the next
/// it keeps how dense refusals are, so that a COPY that fails wastes little, that many go by
/// queries (ConstraintJudge) before COPY can run into them, and that the server goes through the
/// rows by itself (ServerSideLoad) where many are refused for what no query tells. On an MPP
/// database, whose segments all hear of each savepoint and each COPY, a stop is dear and rows are
/// cheap: what errors point at is set aside until a COPY of the others works, and then tried row by
/// row. Throws DatabaseError for trouble of the world, and for trouble that no row is to blame for.
class RowIsolation : private Trial {
public:
    /// What the target's ways of loading share; must outlive it.
    struct Shared {
        ConstraintJudge& judge;
        ServerSideLoad& server_side;
        Blame& blame;
    };
    RowIsolation(Session& session, const Shared& shared, IsolationOptions options)
        : session_(session),
          judge_(shared.judge),
          server_side_(shared.server_side),
          blame_(shared.blame),
          options_(std::move(options)),
          values_(session, options_.copy),
          fields_(session, options_.copy, options_.nulls_for_invalid),
          rows_(options_.copy.form),
          open_(rows_) {}

    struct Known {
        std::optional<DatabaseError> first{};  ///< what a COPY of all the rows has failed with
        std::vector<UnreadableValue> unreadable{};
        /// Who looked loads the others once more where rows behind savepoints are not safe: those
        /// that queries found are enough for once, and that load tells whether there are more.
        bool loads_others_again = false;
    };
    /// What can be known of rows before the transaction begins, the first failure included.
    [[nodiscard]] Known look(const EncodedRows& rows, const std::optional<DatabaseError>& first);
    Refused load(const EncodedRows& rows, const Known& known);

    /// The latest load() has put no row into the table.
    [[nodiscard]] bool has_left_others() const { return has_left_others_; }

    /// So many rows will very likely hold a bad one: do not try them as a whole first.
    [[nodiscard]] bool expects_refusals(std::size_t rows) const {
        const auto likely = [&](double gap) { return gap > 0 && gap < double(rows); };
        return likely(gap_) || likely(by_judge_.gap) || likely(by_server_.gap) ||
               (rows > 0 && values_.expects_some(rows));
    }

private:
    static constexpr std::size_t smallest_window = 16;

    void offer(std::size_t row) override;
    void offer_none() override;
    [[nodiscard]] std::vector<std::size_t> rest() const override { return open_.rows(); }
    [[nodiscard]] std::string none() const override { return "a COPY of no rows"; }

    void try_rows(std::size_t begin, std::size_t end);
    [[nodiscard]] Piece take() { return open_.take(std::max(window_, smallest_window)); }
    void attempt();
    void copy(std::size_t begin, std::size_t end);
    [[nodiscard]] CopyHint hint_of(const DatabaseError& error) const;
    void on_success(const Piece& piece);
    void on_failure(Piece piece, const DatabaseError& error);
    void on_bad_row(const Piece& piece, const DatabaseError& error);
    void take_out(const UnreadableValue& value);
    [[nodiscard]] std::optional<DatabaseError> not_nulled(std::size_t row,
                                                          const DatabaseError& error);
    void note_failure(std::size_t row, const DatabaseError& error);
    void put_on_record(std::size_t row, const DatabaseError& error);
    [[nodiscard]] double dense_gap() const;
    [[nodiscard]] bool can_be_judged(const Piece& piece) const;
    [[nodiscard]] bool judging_pays(const Piece& piece) const;
    [[nodiscard]] bool judged_at_once(Piece& piece, const DatabaseError& error);
    void judge(Piece& piece);
    [[nodiscard]] bool may_leave_others(const Known& known) const;
    [[nodiscard]] bool server_side_pays(const Piece& piece) const;
    void load_server_side();
    void take_back_duplicates_of(std::size_t row);
    void learn(std::size_t rows);
    [[nodiscard]] Refused refused() const;

    Session& session_;
    ConstraintJudge& judge_;
    ServerSideLoad& server_side_;
    Blame& blame_;
    const IsolationOptions options_;
    ValueJudge values_;
    FieldTrial fields_;
    double gap_ = 0;  ///< rows from one failure of COPY to the next, smoothed; 0: none known
    double window_per_gap_ = 1;
    bool mpp_ = false;  ///< whether the database is one
    OtherWay by_judge_;
    OtherWay by_server_;

    // Of the load() that runs:
    bool has_left_others_ = true;
    ChangedRows rows_;
    OpenPieces open_;
    std::size_t window_ = 0;
    std::size_t last_failure_ = 0;
    std::size_t failures_ = 0;            ///< of COPY, for a row
    std::size_t suspected_failures_ = 0;  ///< of these, for what the judge could have found
    const char* before_copy_ = "";        ///< what brings the savepoint in order for the next COPY
    std::map<std::size_t, std::vector<Reason>> found_;
    std::multimap<std::size_t, std::size_t> duplicates_;  ///< of a row, among those found
};

}  // namespace sluice
