#pragma once

#include "pipeline/ingest/ports.h"
#include "sinks/books/batch_books.h"
#include "sinks/load/batch_moves.h"
#include "sinks/session/session.h"

#include <optional>
#include <utility>
#include <vector>

namespace sluice {

/// Finds out what became of a COMMIT whose answer got lost, before the same batch is written again.
/// One per sink, used by its thread, outside of transactions.
class UnansweredCommit {
public:
    /// Both must outlive it.
    UnansweredCommit(Session& session, BatchBooks& books) : session_(session), books_(books) {}

    /// This batch's COMMIT was not answered.
    void note(const Batch& batch) { in_doubt_ = moves_of(batch); }
    /// nullopt: nothing is in doubt, and what is not committed may be. Otherwise what the batch has
    /// come to, Committed without rows.
    [[nodiscard]] std::optional<CommitResult> settle(const Batch& batch);
    /// Whether the latest that was settled had not committed, and so was perhaps refused; once.
    [[nodiscard]] bool take_refused() { return std::exchange(refused_, false); }

private:
    Session& session_;
    BatchBooks& books_;
    std::vector<BatchMove> in_doubt_;
    bool refused_ = false;
};

}  // namespace sluice
