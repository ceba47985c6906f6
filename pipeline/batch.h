#pragma once

#include "pipeline/encoded_rows.h"
#include "pipeline/record.h"
#include "pipeline/record_log.h"
#include "pipeline/reject.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace sluice {

struct Reject {
    RecordLog::Index record;
    std::vector<Reason> reasons;
    RejectCause cause = RejectCause::invalid;  ///< of the first reason
};

/// One partition's part of a batch: the progress that this batch moves, and promise 1's sum for it:
/// loaded + superseded + unmatched + rejected + filtered + gaps == range.size(). Counts records,
/// however many rows one has.
struct Slice {
    PartitionId partition = 0;
    OffsetRange range;
    std::int64_t loaded = 0;
    std::int64_t superseded = 0;  ///< by a newer change of the same key, in the batch or before
    std::int64_t unmatched = 0;   ///< updates of keys that are not there
    std::int64_t rejected = 0;
    std::int64_t filtered = 0;
    std::int64_t gaps = 0;  ///< compaction, transaction markers, aborted transactions
    RecordIdentity last{};  ///< of the last record in the range, or carried over from before it
    int incarnation = 0;  ///< of the topic, as the lane's start said: progress must still be of it

    /// Whether this batch moves the partition's progress.
    [[nodiscard]] bool moves() const { return range.size() > 0; }
};

/// Records whose rows are read and leave no trace in their table.
struct WithoutEffect {
    std::vector<RecordLog::Index> superseded;
    std::vector<RecordLog::Index> unmatched;
    std::vector<RecordLog::Index> filtered{};  ///< by the database: all of their rows
    std::size_t rows = 0;                      ///< of these, and of others
};

/// What one transaction writes: rows, rejects, and the progress over exactly those. Filled by a
/// lane, consumed by its sink, used by one thread at a time.
class Batch {
public:
    std::vector<TargetRows> targets{1};  ///< by target table; rows are added by use()
    RecordLog records;
    std::vector<Reject> rejects;  ///< filled by reject()

    /// Where the next rows go, those of one target: the others' stay as they are meanwhile.
    TargetRows& use(std::size_t target);

    /// The slice of a partition, opened at `from` when the batch has none yet.
    Slice& slice(PartitionId partition, Offset from);
    [[nodiscard]] const std::vector<Slice>& slices() const { return slices_; }
    /// Whether it says anything of the partition's progress.
    [[nodiscard]] bool has(PartitionId partition) const {
        const auto at = static_cast<std::size_t>(partition);
        return at < slice_of_partition_.size() && slice_of_partition_[at] >= 0;
    }

    void reject(RecordLog::Index record, std::vector<Reason> reasons,
                RejectCause cause = RejectCause::invalid);
    /// Undoes the latest reject(), and hands out its reasons.
    std::vector<Reason> take_back_reject();
    /// Turns loaded records into rejects, of which the database refused rows, and takes out all of
    /// their rows. A record that is there several times is one reject with all the reasons. Returns
    /// whether there were rows or truncations among these that the database has not refused.
    bool refuse(std::vector<Reject> refused);

    /// Says of loaded records that they had no effect, instead of what was said before.
    void set_without_effect(WithoutEffect records);
    /// What several targets, by their index, say of themselves, of all together: a record that has
    /// an effect in one of them has one.
    [[nodiscard]] WithoutEffect without_effect_in_all(const std::vector<WithoutEffect>& each) const;

    /// Takes a partition's records from this offset on out again, with their rows. A slice without
    /// a record before it moves no progress any more.
    void cut(PartitionId partition, Offset at);

    /// Takes all of these partitions (ascending) out again, as if nothing of them had come: the
    /// batch says nothing of their progress any more.
    void drop(const std::vector<PartitionId>& partitions);

    /// Those that have rows of this target, ascending.
    [[nodiscard]] std::vector<PartitionId> partitions_of(std::size_t target) const;

    [[nodiscard]] bool empty() const { return slices_.empty(); }
    [[nodiscard]] std::size_t row_count() const;
    [[nodiscard]] std::size_t change_count() const;  ///< rows and truncations
    /// Whether it says anything of a table.
    [[nodiscard]] bool has_changes() const;
    /// Without those that had no effect.
    [[nodiscard]] std::size_t effective_rows() const { return row_count() - without_effect_.rows; }
    /// What this batch holds in memory, as configured by batch.bytes.
    [[nodiscard]] std::size_t bytes() const;
    void clear();

private:
    void sum_up_others();
    /// Returns how many there were.
    std::int64_t take_out_rejects(const std::vector<bool>& gone);
    /// Takes out all rows of these records; returns how many of them had any.
    std::int64_t take_out(const std::vector<bool>& gone);

    WithoutEffect without_effect_;
    std::size_t reject_bytes_ = 0;  // running sums: bytes() is asked after every record
    std::size_t used_ = 0;          // of targets: the one that grows
    std::size_t other_bytes_ = 0;   // of all others
    std::vector<Slice> slices_;
    std::vector<std::int32_t> slice_of_partition_;  // index into slices_, -1: none
    /// By partition that was dropped: how many records the log had then, of which its are none.
    std::map<PartitionId, RecordLog::Index> dropped_;
};

}  // namespace sluice
