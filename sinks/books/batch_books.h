#pragma once

#include "pipeline/ingest/batch.h"
#include "sinks/books/identity.h"
#include "sinks/session/session.h"
#include "sinks/session/sql_text.h"

#include <map>
#include <string>
#include <vector>

namespace sluice {

/// What a batch writes into Sluice's own tables, each call one statement of the session's open
/// transaction; and how progress stands beside what the batch expects. Slices that do not move are
/// left out everywhere. Throws DatabaseError.
class BatchBooks {
public:
    BatchBooks(Session& session, PipelineIdentity identity)
        : session_(session),
          identity_(std::move(identity)),
          progress_(identity_.own_table("progress")),
          ledger_(identity_.own_table("ledger")) {}

    /// For messages.
    [[nodiscard]] std::string where() const {
        return "sluice's tables in schema " + quote_identifier(identity_.schema);
    }

    void insert_dead_letters(const Batch& batch);
    void insert_ledger(const Batch& batch);
    /// Compare-and-set of all slices; false: another writer moved the progress of one of them.
    [[nodiscard]] bool move_progress(const Batch& batch);
    [[nodiscard]] std::vector<PartitionId> moved_by_others(const Batch& batch);
    /// Progress as it is once every transaction that has touched it is over.
    [[nodiscard]] std::map<PartitionId, Offset> settled(const Batch& batch);

private:
    /// Pipeline, cluster, and the topics and numbers of the slices that move.
    [[nodiscard]] Row keys(const Batch& batch) const;
    /// That a row's first two columns name.
    [[nodiscard]] PartitionId partition(const Rows& rows, std::size_t row) const;

    Session& session_;
    const PipelineIdentity identity_;
    const std::string progress_;  ///< quoted names
    const std::string ledger_;
};

}  // namespace sluice
