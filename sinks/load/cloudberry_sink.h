#pragma once

#include "config/config.h"
#include "pipeline/ingest/ports.h"
#include "sinks/books/batch_books.h"
#include "sinks/books/identity.h"
#include "sinks/books/receipts.h"
#include "sinks/load/batch_moves.h"
#include "sinks/load/isolation/alike_patience.h"
#include "sinks/load/key_turns.h"
#include "sinks/load/loader.h"
#include "sinks/load/locked_tables.h"
#include "sinks/load/target_loaders.h"
#include "sinks/load/unanswered_commit.h"
#include "sinks/session/session.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

struct CloudberrySinkOptions {
    std::string dsn;
    PipelineIdentity identity;
    MakeLoader loader{};  ///< of the only target
    /// Where there are several: which, and each one's loader.
    std::shared_ptr<const Targets> targets{};
    MakeLoaderOf loader_of{};
    config::OnReject on_reject = config::OnReject::dead_letter;
    /// How long a batch waits whose rows are all refused by what may be the world's trouble, until
    /// they are rejects; nullopt: for ever.
    std::optional<std::chrono::milliseconds> reject_after = std::chrono::minutes(10);
    std::optional<Receipts> receipts{};  ///< what is committed is said there, too
    /// What the pipeline has read of its partitions; null: nothing.
    std::shared_ptr<const TipsRead> tips{};
};

/// The transaction that a batch is written in: rows, which are the loader's, and books, the ledger
/// last, which is progress; what became of a COMMIT that was not answered, and who else writes. One
/// per lane, used by one thread, save prepare(). Reconnects on its own; holds no transaction open
/// between calls.
///
/// What a table's triggers do with a row that was loaded (skip it, send it elsewhere) is the
/// table's business: it counts as loaded.
class CloudberrySink : public Sink {
public:
    explicit CloudberrySink(CloudberrySinkOptions options);

    void tell_steps_to(const std::function<void()>& on_step) override {
        session_.tell_steps_to(on_step);
    }
    [[nodiscard]] std::unique_ptr<PreparedBatch> prepare(const Batch& batch) override {
        return loaders_.prepare(batch);
    }
    void use(std::unique_ptr<PreparedBatch> prepared) override {
        prepared_.reset(static_cast<PreparedLoads*>(prepared.release()));
    }
    /// Where on_reject is stop, a row that the database refuses cuts the batch: Committed says so.
    /// Besides its results: throws TroubleOfTheWorld when the table has changed under us,
    /// WrongConfiguration when the database calls a statement impossible; of several tables, either
    /// is HeldUp, as is one that is locked.
    CommitResult commit(Batch& batch) override;

private:
    using Clock = std::chrono::steady_clock;

    CommitResult write(Batch& batch);
    CommitResult write_by_some_way(Batch& batch);
    CommitResult write_to_targets(Batch& batch);
    /// Those that the batch has rows of, or the only one.
    [[nodiscard]] std::vector<TargetId> targets_of(const Batch& batch) const;
    /// The loader of this one, which errors are about from here on.
    Loader& at(TargetId target);
    void at_books();
    void at_tables();
    [[nodiscard]] std::optional<CommitResult> locked(const std::vector<TargetId>& targets);
    /// What an error means, whose statement was about one of several targets.
    [[nodiscard]] std::optional<CommitResult> held_up(const DatabaseError& error) const;
    [[nodiscard]] HeldUp held_up(const std::string& why) const { return {{{*at_, why}}}; }
    /// All rows at once, which nearly always works; nullopt: some row may have been refused.
    /// `open`: a transaction to do it in, which has to be rolled back then; else one of its own.
    std::optional<CommitResult> write_whole(Batch& batch, const std::vector<TargetId>& targets,
                                            Transaction* open = nullptr);
    /// Puts the rows there. Of several targets, those that are not what their rows were made for.
    [[nodiscard]] HeldUp load(const Batch& batch, const std::vector<TargetId>& targets,
                              std::map<TargetId, TakenAway>& gone);
    enum class Look { in_transaction, outside };
    /// Those that are not what their rows were made for, and, outside, those of several that cannot
    /// be looked at; of the only target, throws TroubleOfTheWorld. An error is about none of
    /// several.
    [[nodiscard]] HeldUp drifted_among(const std::vector<TargetId>& targets, Look look);
    /// What was tried of a batch before its rows are isolated: to load it whole, or nothing, as
    /// refusals were expected; or to load what an earlier isolation has left of it.
    enum class Before { failed, nothing, failed_again };
    /// Finds the rows that the database refuses, in targets that very likely refuse some, in those
    /// that turn out to, and in all that are not loaded by COPY alone. Where rows behind savepoints
    /// are not safe, the others are then written whole: in another transaction, if any was written.
    CommitResult write_isolated(Batch& batch, Before before, std::set<TargetId> refusing);
    struct Together {
        HeldUp drifted{};
        std::set<TargetId> refusing{};  ///< not empty: nothing was loaded; one of these is why
    };
    /// Within the transaction, targets of which load_without_look() is COPYs and nothing else.
    [[nodiscard]] Together load_together(const Batch& batch, const std::vector<TargetId>& targets);
    [[nodiscard]] bool refer_to_each_other(const std::vector<TargetId>& targets);
    void take_away_again(const Batch& batch, const std::vector<TargetId>& targets,
                         std::map<TargetId, std::vector<Reject>>& refused);
    [[nodiscard]] CommitResult wait_alike(const Batch& batch, const RefusedAlike& error);
    /// Dead letters, receipts, and the ledger last: what both ways of writing end with. False:
    /// another writer moved the progress.
    [[nodiscard]] bool write_books(const Batch& batch);
    /// The end of a transaction that was begun then.
    Committed finish(Transaction& transaction, Clock::time_point began,
                     std::map<std::string, std::int64_t> rows);
    /// With an effect, where there are several tables.
    [[nodiscard]] std::map<std::string, std::int64_t> rows_by_table(
        const Batch& batch, const std::vector<WithoutEffect>& none) const;
    /// Rolls back and finds out who was in the way.
    [[nodiscard]] Fenced give_up(const Batch& batch, Transaction& transaction);
    void cut_before(Batch& batch, const std::vector<Reject>& refused);
    void refuse_drift();

    CloudberrySinkOptions options_;
    std::string where_;  ///< what the statement that runs is about, for messages
    Session session_;
    BatchBooks books_;
    UnansweredCommit unanswered_;
    LockedTables locked_tables_;
    TargetLoaders loaders_;
    std::unique_ptr<PreparedLoads> prepared_;  ///< of the batch that is committed; once
    AlikePatience alike_;
    KeyTurns turns_;
    /// What the statement that runs is about; nullopt: none of them alone.
    std::optional<TargetId> at_;
    /// Where to stop as soon as what precedes the record, which is left of its partition in the
    /// batch, is committed.
    struct Stop {
        RecordLog::Index record = 0;
        std::string message;
        BatchMove left;
    };
    std::vector<Stop> stops_;
};

}  // namespace sluice
