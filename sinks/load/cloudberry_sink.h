#pragma once

#include "config/config.h"
#include "pipeline/errors.h"
#include "pipeline/ingest/ports.h"
#include "pipeline/mapping/table.h"
#include "sinks/books/batch_books.h"
#include "sinks/books/identity.h"
#include "sinks/books/receipts.h"
#include "sinks/load/row_isolation.h"
#include "sinks/session/session.h"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace sluice {

struct CloudberrySinkOptions {
    std::string dsn;
    PipelineIdentity identity;
    Table table;                       ///< as the mapping saw it
    std::vector<std::string> columns;  ///< of the COPY: RowMapper::columns()
    config::OnReject on_reject = config::OnReject::dead_letter;
    config::OnInvalid on_invalid = config::OnInvalid::reject;
    std::optional<Receipts> receipts{};  ///< what is committed is said there, too
};

/// Writes batches into one table, rows and progress in one transaction. One per lane, used by its
/// thread only. Reconnects on its own; holds no transaction open between calls.
///
/// What a table's triggers do with a row that COPY took (skip it, send it elsewhere) is the
/// table's business: it counts as loaded.
class CloudberrySink : public Sink {
public:
    explicit CloudberrySink(CloudberrySinkOptions options);

    /// Besides its results: throws RejectedRecord when the batch holds a reject and on_reject is
    /// stop (one that the database refuses cuts the batch: Committed says so), TroubleOfTheWorld
    /// when the table has changed under us, WrongConfiguration when the database calls a statement
    /// impossible.
    CommitResult commit(Batch& batch) override;

private:
    CommitResult write(Batch& batch);
    std::optional<CommitResult> settle(const Batch& batch);
    /// What the database said when it refused a row of a whole batch.
    struct Refusal {
        std::optional<DatabaseError> of_binary;
        std::optional<DatabaseError> of_text;
    };
    /// All rows at once, which nearly always works.
    std::variant<CommitResult, Refusal> write_whole(const Batch& batch);
    /// Finds the rows that the database refuses.
    CommitResult write_isolated(Batch& batch, const Refusal& refusal);
    void copy_whole(const CopyStatement& statement, const EncodedRows& rows);
    /// Dead letters, ledger, receipts, and progress last: what both ways of writing end with.
    /// False: another writer moved the progress.
    [[nodiscard]] bool write_books(const Batch& batch);
    using Clock = std::chrono::steady_clock;
    /// The end of a transaction that was begun then.
    Committed finish(Transaction& transaction, Clock::time_point began);
    /// Rolls back and finds out who was in the way.
    [[nodiscard]] Fenced give_up(const Batch& batch, Transaction& transaction);
    void stop_at_rejects(const Batch& batch) const;
    [[nodiscard]] std::string stop_message(const Batch& batch, const Reject& reject) const;
    void cut_before(Batch& batch, const std::vector<Reject>& refused);
    void check_table();
    void check_types();
    [[nodiscard]] TroubleOfTheWorld changed(const std::string& column) const;
    [[nodiscard]] std::string name_of_target() const;

    CloudberrySinkOptions options_;
    std::string where_;  ///< what the statement that runs is about, for messages
    Session session_;
    BatchBooks books_;
    CopyStatement copy_binary_;
    CopyStatement copy_text_;
    ConstraintJudge judge_;
    ServerSideLoad server_side_;
    RowIsolation isolate_binary_;
    RowIsolation isolate_text_;
    std::optional<LineNumbers> line_numbers_;  ///< once the server is known
    /// What a COMMIT would have moved whose answer got lost.
    struct Doubt {
        PartitionId partition;
        OffsetRange range;
        bool operator==(const Doubt&) const = default;
    };
    static std::vector<Doubt> moves_of(const Batch& batch);
    std::vector<Doubt> in_doubt_;
    /// Where to stop as soon as what precedes the record, which is left of the batch, is committed.
    struct Stop {
        std::string message;
        std::vector<Doubt> left;
    };
    std::optional<Stop> stop_;
};

}  // namespace sluice
