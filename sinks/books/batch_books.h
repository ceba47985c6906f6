#pragma once

#include "pipeline/batch.h"
#include "sinks/books/identity.h"
#include "sinks/books/tip.h"
#include "sinks/books/tips_read.h"
#include "sinks/session/session.h"
#include "sinks/session/sql_text.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// What a batch writes into Sluice's own tables, within the session's open transaction; and how
/// progress stands beside what the batch expects. Slices that do not move are left out everywhere.
/// Remembers the last row that it wrote of each partition, which saves a look. One per sink, used
/// by its thread. Throws DatabaseError.
class BatchBooks {
public:
    /// `read`: what the pipeline has read of its partitions already; null: nothing.
    BatchBooks(Session& session, PipelineIdentity identity,
               std::shared_ptr<const TipsRead> read = nullptr)
        : session_(session),
          identity_(std::move(identity)),
          ledger_(identity_.own_table("ledger")),
          read_(std::move(read)) {}

    /// For messages.
    [[nodiscard]] std::string where() const {
        return "sluice's tables in schema " + quote_identifier(identity_.schema);
    }

    void insert_dead_letters(const Batch& batch);
    /// Moves progress: a row for each slice, if it begins where its partition's ledger ends. False:
    /// another writer has moved one of them. Waits for who is about to.
    [[nodiscard]] bool insert_ledger(const Batch& batch);
    /// The transaction of the latest insert_ledger() is.
    void note_committed();

    /// Whether all partitions were moved to where the batch begins by this sink itself, the last
    /// that it knows of.
    [[nodiscard]] bool follows_own(const Batch& batch) const;
    [[nodiscard]] std::vector<PartitionId> moved_by_others(const Batch& batch);
    /// Where the partitions are once every transaction that had begun where the batch does is over:
    /// there, or at the end of what was committed of that. What it writes to find out has to be
    /// rolled back.
    [[nodiscard]] std::map<PartitionId, Offset> settled(const Batch& batch);

private:
    /// As it was written by us last.
    [[nodiscard]] std::optional<Tip> own_before(const Slice& slice) const;
    /// As it was written or read by us last, or as the database has it now. nullopt: the slice does
    /// not begin there.
    [[nodiscard]] std::optional<Tip> known_before(const Slice& slice);
    /// As the database has it now; nullopt: the slice does not begin there.
    [[nodiscard]] std::optional<Tip> tip_before(const Slice& slice);
    [[nodiscard]] TipKeys keys_for(std::size_t tips);
    /// Pipeline, cluster, and the topics, numbers, incarnations and first offsets of the slices
    /// that move.
    [[nodiscard]] Row keys(const Batch& batch) const;
    /// That a row's first two columns name.
    [[nodiscard]] PartitionId partition(const Rows& rows, std::size_t row) const;

    Session& session_;
    const PipelineIdentity identity_;
    const std::string ledger_;  ///< quoted name
    const std::shared_ptr<const TipsRead> read_;
    std::map<PartitionId, Tip> known_;
    std::vector<Tip> written_;  ///< what is known once the transaction has committed
};

}  // namespace sluice
