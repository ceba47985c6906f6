#pragma once

#include "metrics/registry.h"
#include "pipeline/ingest/ingest_status.h"
#include "pipeline/ingest/ports.h"

#include <chrono>
#include <optional>
#include <string>

namespace sluice {

/// The series that says how far behind one partition is; whoever knows it holds it.
[[nodiscard]] metrics::Gauge lag_gauge(metrics::Registry& registry, const std::string& pipeline,
                                       const TopicPartition& partition);

/// How far one partition, which outlives this, is, as Kafka and the lane that serves it tell. One
/// thread at a time.
class ObservedPartition {
public:
    using Clock = std::chrono::steady_clock;

    ObservedPartition(metrics::Registry& registry, const std::string& pipeline,
                      const TopicPartition& partition);

    void on_took_up(const ResumePoint& point, int lane, Clock::time_point now);
    /// No lane serves it; `next`: its progress.
    void on_waits(Offset next, Clock::time_point now);
    void on_recognised() { recognised_ = true; }
    void on_committed(Offset next, std::int64_t timestamp_ms, Clock::time_point now);
    /// As the statistics of the client that fetches it say, again and again.
    void on_end(std::optional<Offset> end, std::optional<Offset> open_until, Clock::time_point now);
    /// As Kafka answers who asks, since nothing of it is fetched.
    void on_asked_end(Offset end, Clock::time_point now);
    /// Brings the gauge up to date that depends on the time.
    void look(Clock::time_point now);

    [[nodiscard]] IngestStatus::Partition status(Clock::time_point now) const;
    /// The number of the lane that serves it, or IngestStatus::Partition::no_lane.
    [[nodiscard]] int lane() const { return lane_; }
    /// Since when there were records to read and no progress was made; nullopt: it is made.
    [[nodiscard]] std::optional<Clock::time_point> stands_still_since() const;
    /// Records lie behind a transaction that was begun that long ago and is still open.
    [[nodiscard]] std::optional<std::chrono::nanoseconds> held_by_transaction(
        Clock::time_point now) const;

private:
    [[nodiscard]] Offset lag() const { return end_ && *end_ > next_ ? *end_ - next_ : 0; }
    [[nodiscard]] double lag_seconds(Clock::time_point now) const;
    void set_gauges(Clock::time_point now);

    const TopicPartition& partition_;
    metrics::Gauge progress_gauge_;
    metrics::Gauge end_gauge_;
    metrics::Gauge lag_gauge_;
    metrics::Gauge lag_seconds_gauge_;

    int lane_ = 0;
    bool recognised_ = true;
    Offset next_ = 0;
    std::optional<Offset> end_;
    std::optional<Offset> told_end_;       ///< by the statistics
    std::int64_t last_timestamp_ms_ = -1;  ///< of the last record before next_
    Clock::time_point moved_at_;           ///< progress was made, or there was nothing to read
    std::optional<Clock::time_point> caught_up_at_;  ///< there was nothing to read
    std::optional<Clock::time_point> open_since_;
    Offset open_at_ = 0;  ///< where the transaction begins that is open since then
};

}  // namespace sluice
