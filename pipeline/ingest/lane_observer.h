#pragma once

#include "metrics/registry.h"
#include "pipeline/ingest/batch_life.h"
#include "pipeline/ingest/ingest_status.h"
#include "pipeline/ingest/ports.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace sluice {

class IngestObserver;

/// What one poll brought.
struct Polled {
    std::size_t records = 0;
    std::size_t bytes = 0;                ///< of their keys and values
    std::chrono::nanoseconds waited{};    ///< before the first one was there
    std::chrono::nanoseconds decoding{};  ///< neither waiting nor writing
};

/// What one lane tells of its work, once per poll and batch. Its two threads tell, of reading and
/// of offering; the rest of the process looks.
class LaneObserver {
public:
    LaneObserver(metrics::Registry& registry, const std::string& pipeline, int number,
                 IngestObserver& of_pipeline);

    static constexpr std::int64_t no_time = std::numeric_limits<std::int64_t>::max();

    /// A lane begins, whatever the one before it was at when it failed.
    void on_began();
    /// And ends: what it has read and not committed is read again.
    void on_ended() { oldest_ms_ = no_time; }
    void on_took_up(const ResumePoint& point);
    /// The record before its progress is the one that was read, or gone.
    void on_recognised(PartitionId partition);
    /// A poll came to its end. `oldest_ms`: of the records that are held, or no_time.
    void on_polled(const Polled& polled, std::int64_t oldest_ms);
    /// Making of a batch what its commit needs of it took so long: it counts as decoding.
    void on_prepared(std::chrono::nanoseconds took);
    /// What was decoded since the last one is a batch now.
    void on_batch_made();

    /// These are told by who offers. A batch goes to the sink; one of the four below follows.
    void on_offering();
    /// The sink has taken a step with it.
    void on_step() { life_.note_step(); }
    void on_committed(const Batch& batch, const Committed& how);
    void on_fenced();
    void on_retry();
    /// The batch is not offered again: its partitions have to be handed over.
    void on_given_up();

    [[nodiscard]] IngestStatus::Lane status() const;
    /// Since when a batch is with the sink; nullopt: none is just now.
    [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> writes_since() const;
    /// Of the batch that is on its way, tried again meanwhile or not; nullopt: there is none.
    [[nodiscard]] std::optional<BatchLife::Seen> life() const { return life_.seen(); }
    [[nodiscard]] std::int64_t oldest_ms() const { return oldest_ms_; }
    [[nodiscard]] bool holds_records() const { return oldest_ms_ != no_time; }
    [[nodiscard]] std::int64_t records() const { return records_seen_; }
    [[nodiscard]] std::int64_t bytes() const { return bytes_seen_; }

private:
    using Clock = std::chrono::steady_clock;

    void add_decoding(std::chrono::nanoseconds took);
    void enter(LaneActivity activity);
    /// How long the activity took that ends here.
    [[nodiscard]] std::chrono::nanoseconds spent() const;

    IngestObserver& of_pipeline_;
    const int number_;

    metrics::Counter records_;
    metrics::Counter bytes_;
    metrics::Counter waiting_;
    metrics::Counter decoding_;
    metrics::Counter copying_;
    metrics::Counter committing_;
    metrics::Counter backing_off_;
    metrics::Counter committed_;
    metrics::Counter settled_;
    metrics::Counter fenced_;
    metrics::Counter retried_;
    metrics::Histogram decode_seconds_;

    std::chrono::nanoseconds decoding_batch_{};  // of who reads
    BatchLife life_;

    std::atomic<LaneActivity> activity_ = LaneActivity::reading;
    std::atomic<Clock::time_point> since_ = Clock::now();
    std::atomic<std::int64_t> oldest_ms_ = no_time;
    std::atomic<std::int64_t> records_seen_ = 0;
    std::atomic<std::int64_t> bytes_seen_ = 0;
};

}  // namespace sluice
