#include "sinks/load/unanswered_commit.h"

#include <cstddef>
#include <map>
#include <string>

namespace sluice {

/// A plain read proves nothing: the old transaction may still be committing behind the connection
/// that broke. Who inserts the same keys waits for it, and what is there then is the truth.
std::optional<CommitResult> UnansweredCommit::settle(const Batch& batch) {
    if (in_doubt_.empty()) return std::nullopt;
    // Another batch: the doubtful one was dropped, and progress was read or will fence us.
    if (in_doubt_ != moves_of(batch)) {
        in_doubt_.clear();
        return std::nullopt;
    }
    std::map<PartitionId, Offset> now;
    try {
        Transaction transaction(session_, "SET LOCAL lock_timeout = '5s'");
        now = books_.settled(batch);
        transaction.roll_back();
    } catch (const DatabaseError& error) {
        return Retry{std::string("finding out whether an unanswered COMMIT took effect: ") +
                     error.what()};
    }
    std::size_t at_end = 0;
    std::size_t at_start = 0;
    Fenced fenced;
    for (const BatchMove& doubt : in_doubt_) {
        const auto next = now.find(doubt.partition);
        const bool known = next != now.end();
        at_end += known && next->second == doubt.range.to;
        const bool started = known && next->second == doubt.range.from;
        at_start += started;
        if (!started) fenced.partitions.push_back(doubt.partition);
    }
    const std::size_t all = in_doubt_.size();
    in_doubt_.clear();
    if (at_end == all) return Committed{.settled = true};
    if (at_start != all) return fenced;
    refused_ = true;
    return std::nullopt;
}

}  // namespace sluice
