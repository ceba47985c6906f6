#pragma once

#include "config/config.h"
#include "pipeline/ingest/ports.h"
#include "sinks/books/batch_books.h"
#include "sinks/books/identity.h"
#include "sinks/books/receipts.h"
#include "sinks/load/loader.h"
#include "sinks/session/session.h"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

struct CloudberrySinkOptions {
    std::string dsn;
    PipelineIdentity identity;
    MakeLoader loader;  ///< of the target
    config::OnReject on_reject = config::OnReject::dead_letter;
    /// How long a batch waits whose rows are all refused by what may be the world's trouble, until
    /// they are rejects; nullopt: for ever.
    std::optional<std::chrono::milliseconds> reject_after = std::chrono::minutes(10);
    std::optional<Receipts> receipts{};  ///< what is committed is said there, too
};

/// The transaction that a batch is written in: rows, which are the loader's, books, and progress
/// last; what became of a COMMIT that was not answered, and who else writes. One per lane, used by
/// its thread only. Reconnects on its own; holds no transaction open between calls.
///
/// What a table's triggers do with a row that was loaded (skip it, send it elsewhere) is the
/// table's business: it counts as loaded.
class CloudberrySink : public Sink {
public:
    explicit CloudberrySink(CloudberrySinkOptions options);

    /// Where on_reject is stop, a row that the database refuses cuts the batch: Committed says so.
    /// Besides its results: throws TroubleOfTheWorld when the table has changed under us,
    /// WrongConfiguration when the database calls a statement impossible.
    CommitResult commit(Batch& batch) override;

private:
    using Clock = std::chrono::steady_clock;

    CommitResult write(Batch& batch);
    std::optional<CommitResult> settle(const Batch& batch);
    /// All rows at once, which nearly always works; nullopt: some row may have been refused.
    std::optional<CommitResult> write_whole(Batch& batch);
    /// Finds the rows that the database refuses.
    CommitResult write_isolated(Batch& batch);
    [[nodiscard]] Alike alike_rows() const;
    [[nodiscard]] CommitResult wait_alike(const Batch& batch, const RefusedAlike& error);
    /// Dead letters, ledger, receipts, and progress last: what both ways of writing end with.
    /// False: another writer moved the progress.
    [[nodiscard]] bool write_books(const Batch& batch);
    /// The end of a transaction that was begun then.
    Committed finish(Transaction& transaction, Clock::time_point began);
    /// Rolls back and finds out who was in the way.
    [[nodiscard]] Fenced give_up(const Batch& batch, Transaction& transaction);
    void cut_before(Batch& batch, const std::vector<Reject>& refused);
    void refuse_drift();

    CloudberrySinkOptions options_;
    std::string where_;  ///< what the statement that runs is about, for messages
    Session session_;
    BatchBooks books_;
    std::unique_ptr<Loader> loader_;
    /// What a COMMIT would have moved whose answer got lost.
    struct Doubt {
        PartitionId partition;
        OffsetRange range;
        bool operator==(const Doubt&) const = default;
    };
    static std::vector<Doubt> moves_of(const Batch& batch);
    std::vector<Doubt> in_doubt_;
    bool refused_at_commit_ = false;  ///< perhaps: it was not answered, and had not committed
    /// Whose rows are refused alike, and since when.
    struct Alikeness {
        std::vector<Doubt> of;
        Clock::time_point since;
    };
    std::optional<Alikeness> refused_alike_;
    /// Where to stop as soon as what precedes the record, which is left of the batch, is committed.
    struct Stop {
        std::string message;
        std::vector<Doubt> left;
    };
    std::optional<Stop> stop_;
};

}  // namespace sluice
