#pragma once

#include "pipeline/ingest/ports.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::fakes {

/// What becomes of one commit().
enum class Fault {
    none,
    retry,          ///< trouble of the world, before anything was written
    lost_landed,    ///< the answer to COMMIT is lost, the transaction landed
    lost_vanished,  ///< the same, and it did not land
    lost_landing,   ///< the same, and it lands when somebody waits for its locks, or land() is
                    ///< called
    blocked,        ///< blocks until release(), then as none
};

/// One topic's tables in memory: target, progress, ledger, dead letters. From any thread.
class FakeDatabase {
public:
    struct Row {
        PartitionId partition = 0;
        Offset offset = 0;
        std::optional<std::string> value;
        auto operator<=>(const Row&) const = default;
    };
    struct DeadLetter {
        Row record;
        std::vector<Reason> reasons;
    };
    struct Progress {
        Offset next = 0;
        Offset anchor = 0;
        RecordIdentity last;
        int incarnation = 0;
    };
    struct LedgerEntry {
        PartitionId partition = 0;
        int incarnation = 0;
        OffsetRange range;
        std::int64_t loaded = 0;
        std::int64_t rejected = 0;
        std::int64_t filtered = 0;
        std::int64_t gaps = 0;
        std::int64_t lost = 0;
    };
    /// What a batch writes.
    struct Write {
        std::vector<Slice> slices;
        std::vector<Row> rows;
        std::vector<DeadLetter> dead_letters;
    };

    // What tests look at.
    [[nodiscard]] std::vector<Row> rows() const;  ///< sorted
    [[nodiscard]] std::vector<DeadLetter> dead_letters() const;
    [[nodiscard]] std::vector<LedgerEntry> ledger() const;
    [[nodiscard]] std::optional<Progress> progress(PartitionId partition) const;
    [[nodiscard]] Offset next(PartitionId partition) const;  ///< -1: no progress
    /// Every batch that was offered, as "partition:from-to …", also those that failed.
    [[nodiscard]] std::vector<std::string> offers() const;
    [[nodiscard]] int reads() const;
    /// What contradicts promise 1 or a batch's own sums; empty when all is well.
    [[nodiscard]] std::vector<std::string> violations() const;

    // What tests do.
    void script(std::vector<Fault> faults);  ///< for the next commits, then none
    void choose_faults(std::function<Fault()> choose);
    void fail_reads(int count);  ///< the progress store does not answer this often
    void refuse(std::function<bool(const std::string&)> refused);  ///< values, as a constraint does
    /// The targets of these partitions, those that have one, take no rows from now on.
    void hold_up(std::set<PartitionId> partitions);
    [[nodiscard]] bool holds_up(PartitionId partition) const;
    void set_progress(PartitionId partition, Offset next, RecordIdentity last = {});
    void land();     ///< all transactions whose answer was lost
    void release();  ///< all blocked commits
    [[nodiscard]] bool blocked() const;

private:
    friend class FakeSink;
    friend class FakeProgress;

    // The caller holds the mutex.
    void land_locked(const std::function<bool(PartitionId)>& concerned);
    /// The partitions whose progress was not where the write begins; when none, it is applied.
    std::vector<PartitionId> apply(const Write& write);
    Fault next_fault();
    void violate(const std::string& what) { violations_.push_back(what); }

    mutable std::mutex mutex_;  // guards all
    std::condition_variable released_;
    std::map<PartitionId, Progress> progress_;
    std::vector<Row> rows_;
    std::vector<DeadLetter> dead_letters_;
    std::vector<LedgerEntry> ledger_;
    std::vector<Write> landing_;  // sent COMMIT, hold their locks, not visible yet
    std::vector<std::string> offers_;
    std::vector<std::string> violations_;
    std::deque<Fault> script_;
    std::function<Fault()> choose_;
    std::function<bool(const std::string&)> refused_;
    std::set<PartitionId> held_up_;
    int reads_ = 0;
    int reads_to_fail_ = 0;
    int blocked_ = 0;
    int releases_ = 0;
};

class FakeSink : public Sink {
public:
    explicit FakeSink(FakeDatabase& database) : database_(database) {}
    CommitResult commit(Batch& batch) override;

private:
    void check(const Batch& batch);
    void refuse_rows(Batch& batch);
    [[nodiscard]] HeldUp held_up(const Batch& batch) const;
    std::optional<CommitResult> settle(const std::vector<Slice>& slices);

    FakeDatabase& database_;
    std::vector<Slice> in_doubt_;  // of the batch whose COMMIT was not answered
};

class FakeProgress : public ProgressStore {
public:
    explicit FakeProgress(FakeDatabase& database) : database_(database) {}
    std::vector<ResumePoint> read(std::span<const PartitionId> partitions) override;
    std::set<std::string> topics() override;
    void anchor(std::span<const Position> starts) override;
    Move skip_lost(PartitionId partition, OffsetRange range) override;
    Move begin_anew(PartitionId partition, Offset next, Offset start) override;

private:
    /// Throws when the test wants it.
    void ask();

    FakeDatabase& database_;
};

}  // namespace sluice::fakes
