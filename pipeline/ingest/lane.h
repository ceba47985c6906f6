#pragma once

#include "pipeline/backoff.h"
#include "pipeline/batch.h"
#include "pipeline/ingest/batch_offering.h"
#include "pipeline/ingest/lane_mailbox.h"
#include "pipeline/ingest/lane_observer.h"
#include "pipeline/ingest/ports.h"
#include "pipeline/ingest/reject_count.h"
#include "pipeline/mapping/record_router.h"
#include "pipeline/ongoing_trouble.h"
#include "pipeline/partition_table.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace sluice {

enum class RewindCause { fenced, given_up };
enum class LostPosition {
    outside,   ///< progress does not lie in the partition, as far as the lane can tell
    replaced,  ///< the record before progress is not the one that was read: a topic created anew
};

/// What a lane cannot settle by itself. Called on the lane's thread; must return at once.
class LaneListener {
public:
    virtual ~LaneListener() = default;
    /// These partitions' progress must be read again and the lane started anew: the batch was
    /// fenced, or given up because partitions had to be handed over while the database was away.
    virtual void on_rewind(std::vector<PartitionId> partitions, RewindCause cause) = 0;
    /// The lane has let go of these, whose target takes no rows now, and goes on with the others.
    virtual void on_held_up(std::vector<PartitionId> partitions, std::string why) = 0;
    virtual void on_lost_position(PartitionId partition, LostPosition how) = 0;
    /// The lane's thread ended with an exception.
    virtual void on_failed(std::exception_ptr error) = 0;
};

struct LaneOptions {
    std::string name;                  ///< "orders/0", for messages
    const PartitionTable& partitions;  ///< what is read
    config::BatchLimits limits;
    /// Whether records are taken while a batch is committed: the lane then holds two batches.
    bool reads_on = true;
    config::OnReject on_reject = config::OnReject::dead_letter;
    std::optional<config::MaxRejects> max_rejects{};
    RejectCount& reject_count;  ///< of the pipeline
    BackoffLimits retry{std::chrono::milliseconds(100), std::chrono::seconds(10)};
    LaneObserver& observer;
};

/// What a lane is made of; the source outlives it.
struct LaneParts {
    RecordSource& source;
    RecordRouter router;
    std::unique_ptr<Sink> sink;
};

/// One thread that serves several partitions: takes their records, makes rows of them, and hands
/// one batch after the other to its offering, which has the database connection. What it holds that
/// is not committed is dropped when it ends; the next start reads progress.
///
/// run() begins it, and returns: once, on the thread that owns the lane. Other public methods from
/// any thread; everything else happens on the lane's own.
class Lane {
public:
    Lane(LaneOptions options, LaneParts parts, LaneListener& listener);
    /// Ends the thread without committing what it holds, save a commit that is under way.
    ~Lane();
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    void run();
    void start(std::vector<ResumePoint> points);
    /// Asks the lane to commit what it holds and then to let go of these partitions.
    void stop(std::span<const PartitionId> partitions);
    /// True once it has. False when it has not by the deadline: it will, later, and the fence
    /// protects what happens meanwhile.
    bool wait_until_stopped(std::span<const PartitionId> partitions,
                            std::chrono::steady_clock::time_point deadline) {
        return mailbox_.wait_until_stopped(partitions, deadline);
    }

    /// False when the lane has let go of the partition, or never took it up, and is not about to:
    /// what it reported of the partition is then about the latest start(), not about an older one.
    [[nodiscard]] bool serves(PartitionId partition) const { return mailbox_.serves(partition); }

    /// Holds for the records that come next.
    void set_limits(const config::BatchLimits& limits, bool reads_on);

    /// Why the lane makes no progress now; empty when it does.
    [[nodiscard]] std::string trouble() const;

private:
    using Clock = std::chrono::steady_clock;

    /// What the lane knows of a partition that it serves.
    struct Cursor {
        bool open = false;
        Offset next = 0;
        RecordIdentity last;  ///< of the last record before `next`
        int incarnation = 0;
        bool must_verify = false;  ///< the record at last.offset will come first: compare it
        bool at_end = false;       ///< no record has come since the partition's end was reached
        /// In the batch's log, when a record of this partition is in the batch.
        std::optional<RecordLog::Index> newest;
    };

    void loop();
    /// How many records it brought.
    std::size_t poll();
    void take(const Arrival& arrival);
    void take_record(Cursor& cursor, const Record& record);
    void reach_end(Cursor& cursor, PartitionId partition, Offset next);
    /// False when the lane is to end.
    bool apply_commands();
    void let_go(const std::set<PartitionId>& partitions);
    void take_up(const ResumePoint& point);
    [[nodiscard]] Cursor* cursor_of(PartitionId partition);
    [[nodiscard]] bool is_the_known_one(const Cursor& cursor, const Record& record) const;
    void lose(PartitionId partition, LostPosition how);
    void add(Cursor& cursor, const Record& record);
    struct Mapped {
        RecordLog::Index index;
        RowMapper::Outcome outcome;
    };
    /// nullopt: the record was let go of, and its partition with it.
    std::optional<Mapped> map(const Record& record);
    [[nodiscard]] Mapped try_to_map(const Record& record);
    bool grow(PartitionId partition, const FieldsWithoutColumn& lacking, std::string& trouble);
    [[nodiscard]] Slice& slice_of(Cursor& cursor, PartitionId partition);
    [[nodiscard]] std::chrono::milliseconds time_to_flush() const;
    [[nodiscard]] bool batch_is_full() const;
    [[nodiscard]] bool is_due(std::size_t records_polled) const;
    /// The rest of a backlog: nothing more is on its way, so there is nothing to wait for.
    [[nodiscard]] bool backlog_ends() const;
    /// Hands the batch over, when what became of the one before is known.
    void flush();
    /// Until nothing is held any more: all is committed, or dropped.
    void flush_all();
    /// Waits for what became of the batch that was handed over, if there is one.
    void settle();
    /// Throws TooManyRejects.
    void after_commit();
    /// Both batches: what was made meanwhile goes on where the other one ends.
    void drop_batches(RewindCause cause);
    /// Of both batches what is of these partitions; the offering has seen to its own.
    void give_back(const BatchOffering::Held& held);
    /// Of all records that are held, or no_time.
    [[nodiscard]] std::int64_t oldest_ms() const {
        return std::min(oldest_ms_, offered_oldest_ms_);
    }
    void close(PartitionId partition);
    void end_fetch_trouble();

    LaneOptions options_;  // its limits change by set_limits()
    RecordSource& source_;
    RecordRouter router_;
    LaneListener& listener_;
    BatchOffering offering_;
    LaneMailbox mailbox_;

    // The thread's own.
    Batch batch_;
    std::vector<Cursor> cursors_;                     // by partition
    Clock::time_point came_since_;                    // what is taken next waits since, at most
    Clock::time_point batch_began_;                   // the same of the batch's oldest record
    Clock::time_point batch_taken_;                   // when its first record was taken
    std::int64_t oldest_ms_ = LaneObserver::no_time;  // of the records in the batch
    std::int64_t offered_oldest_ms_ = LaneObserver::no_time;  // of those handed over
    std::optional<PartitionId> troubled_;                     // what fetch_trouble_ is about
    bool catching_up_ = false;  // the latest batch was full before its time

    OngoingTrouble fetch_trouble_;  // begun and ended by the lane's thread only, as the next
    OngoingTrouble schema_trouble_;

    std::thread thread_;
};

}  // namespace sluice
