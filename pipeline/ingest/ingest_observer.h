#pragma once

#include "metrics/rate.h"
#include "metrics/registry.h"
#include "pipeline/ingest/after_commit_run.h"
#include "pipeline/ingest/batch_life.h"
#include "pipeline/ingest/group_statistics.h"
#include "pipeline/ingest/ingest_metrics.h"
#include "pipeline/ingest/ingest_status.h"
#include "pipeline/ingest/lane_observer.h"
#include "pipeline/ingest/latest_share.h"
#include "pipeline/ingest/observed_partition.h"
#include "pipeline/ingest/reject_count.h"
#include "pipeline/partition_table.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>

namespace sluice {

/// What one ingest pipeline does, counted for Prometheus and remembered for the status. Outlives
/// the pipeline's failures: what is built anew goes on counting here. From any thread.
class IngestObserver {
public:
    /// A partition that has records to read and makes no progress for as long as `patience` is
    /// stuck.
    IngestObserver(metrics::Registry& registry, const std::string& pipeline,
                   std::chrono::milliseconds patience);
    IngestObserver(const IngestObserver&) = delete;
    IngestObserver& operator=(const IngestObserver&) = delete;

    void set_patience(std::chrono::milliseconds patience);

    /// What the pipeline reads, and has read: its ids mean the same when it is built anew.
    [[nodiscard]] PartitionTable& partitions() const { return *table_; }
    [[nodiscard]] const std::shared_ptr<PartitionTable>& shared_partitions() const {
        return table_;
    }

    [[nodiscard]] RejectCount& reject_count() { return reject_count_; }

    /// Of the lane with this number; lives as long as this.
    [[nodiscard]] LaneObserver& lane(int number);

    /// The pipeline was built, with so many lanes, and will serve partitions until on_ended() with
    /// the number that this returns. An older one that ends late has nothing to say any more.
    [[nodiscard]] int on_began(std::size_t lanes);
    /// These, as that one, by the number of who says so.
    void on_assigned(int number, std::size_t partitions);
    void on_revoked(int number, std::span<const PartitionId> partitions);
    /// These wait for their targets with all that comes, from the beginning.
    void on_waiting(int number, std::span<const ResumePoint> points);
    /// Where partitions end that wait, of which nothing is fetched that would tell.
    void on_ends(int number, std::span<const Position> ends);
    void on_statistics(int number, const GroupStatistics& statistics);
    /// Of the pipeline that serves: topics whose records wait for their targets, and why.
    void on_held_up(std::map<std::string, IngestStatus::HeldTopic> topics);
    void on_ended(int number);
    void on_open_dead_letters(const OpenDeadLetters& open);
    void on_after_commit(const AfterCommitRun& run);

    /// Brings those gauges up to date that depend on the time: before Prometheus reads them.
    void look();
    [[nodiscard]] IngestStatus status() const;
    /// All that there is, as far as Kafka has told, is committed.
    [[nodiscard]] bool idle() const;
    /// When it last did so; nullopt: never.
    [[nodiscard]] std::optional<std::chrono::system_clock::time_point> last_commit() const;
    /// The latest, by whichever pipeline that was built here.
    [[nodiscard]] std::optional<AfterCommitRun> after_commit() const;
    /// After which time without progress a pipeline that has records is stuck.
    [[nodiscard]] std::chrono::milliseconds patience() const;
    /// Why it is, in words; empty when it is not. `in_the_way`: who holds a lock that its sessions
    /// wait for, if anybody does.
    [[nodiscard]] std::string stuck(const std::string& in_the_way = {}) const;
    /// Whether it is for a batch that is on its way to the database.
    [[nodiscard]] bool writes_for_too_long() const;

private:
    friend class LaneObserver;
    using Clock = std::chrono::steady_clock;

    /// The caller holds the mutex.
    void forget_partitions();
    [[nodiscard]] ObservedPartition& observed(PartitionId partition);
    void set_assigned(std::size_t partitions);
    // Called by lanes.
    void take_up(const ResumePoint& point, int lane);
    void recognise(PartitionId partition);
    void commit(const Batch& batch, const Committed& how,
                const std::optional<BatchLife::Seen>& life);

    void note_rejects(const Batch& batch);
    void count_tables(const std::map<std::string, std::int64_t>& rows);
    void count_keys(const Batch& batch);
    [[nodiscard]] double oldest_uncommitted_seconds() const;
    [[nodiscard]] std::string rejecting() const;
    [[nodiscard]] std::string filtering() const;
    [[nodiscard]] std::string held_up() const;
    /// A batch that is on its way to the database, and not heard of for longer than is permitted.
    struct QuietWrite {
        std::chrono::nanoseconds lasted{};
        std::chrono::nanoseconds quiet{};
    };
    [[nodiscard]] std::optional<QuietWrite> quietest_write() const;
    /// What was heard of a lane's batch, or of one that it may have to wait for.
    [[nodiscard]] std::optional<BatchLife::Seen> life_of(const LaneObserver& lane) const;
    /// When the latest long one ended that a batch may have had to wait for; nullopt: whatever
    /// follows it.
    [[nodiscard]] Clock::time_point long_one_ended(
        const std::optional<BatchLife::Seen>& before) const;
    /// How long a partition has made no progress, save while its lane had a batch that was heard
    /// of.
    [[nodiscard]] std::chrono::nanoseconds neglected(const ObservedPartition& partition,
                                                     Clock::time_point since,
                                                     Clock::time_point now) const;

    metrics::Registry& registry_;
    const std::string pipeline_;
    const std::shared_ptr<PartitionTable> table_ = std::make_shared<PartitionTable>();

    RejectCount reject_count_;

    IngestMetrics metrics_;
    std::map<std::string, metrics::Counter> rows_by_table_;  // under the mutex
    std::atomic<bool> warned_of_keys_ = false;
    metrics::Gauge open_;  // this and the next one: once they were counted
    metrics::Gauge oldest_open_;
    metrics::Counter after_commit_done_;  // this and the next one: once it ran
    metrics::Counter after_commit_failed_;

    mutable std::mutex mutex_;  // guards what follows
    std::chrono::milliseconds patience_;
    /// Batches that took longer than `patience_` and were committed lately: what one held up has
    /// waited since then.
    struct LongOne {
        Clock::time_point began;
        Clock::time_point ended;
    };
    std::vector<LongOne> long_ones_;
    int serving_ = 0;  ///< the number of the pipeline that serves; 0: none does
    int last_number_ = 0;
    std::deque<LaneObserver> lanes_;  ///< all that there ever were
    std::size_t shown_lanes_ = 0;     ///< of these: those that it has now
    std::map<PartitionId, ObservedPartition> partitions_;
    std::map<std::string, BrokerMetrics> brokers_;
    std::deque<IngestStatus::DeadLetter> dead_letters_;
    std::optional<AfterCommitRun> after_commit_;
    LatestShare reject_share_;
    LatestShare filter_share_;
    metrics::Rate row_rate_;
    metrics::Rate byte_rate_;
    IngestStatus totals_;
};

}  // namespace sluice
