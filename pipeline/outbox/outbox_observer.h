#pragma once

#include "metrics/rate.h"
#include "metrics/registry.h"
#include "pipeline/outbox/outbox_ports.h"
#include "pipeline/outbox/outbox_status.h"

#include <array>
#include <chrono>
#include <mutex>
#include <string>

namespace sluice {

/// What one outbox pipeline does, counted for Prometheus. Outlives the pipeline's failures: what is
/// built anew goes on counting here. From any thread.
class OutboxObserver {
public:
    using Duration = std::chrono::steady_clock::duration;

    OutboxObserver(metrics::Registry& registry, const std::string& pipeline);
    OutboxObserver(const OutboxObserver&) = delete;
    OutboxObserver& operator=(const OutboxObserver&) = delete;

    using Role = OutboxStatus::Role;
    /// On standby there is no backlog: only who leads reads.
    void on_role(Role role);
    /// A read ended, after this time up to its first rows. `backlog`: it found something.
    enum class Backlog { some, none };
    void on_read(Duration took, Backlog backlog);
    void on_claimed(Duration took);
    void on_sent(const EventBatch& batch, Duration took);
    /// What became of a batch that was offered to Kafka.
    enum class Outcome { sent, refused, failed, superseded };
    void on_outcome(Outcome outcome);
    void on_refused(const std::vector<Refusal>& refusals);
    /// So many wait in the database for somebody's decision.
    void on_open_refused_events(std::int64_t count);
    void on_purged(const PurgeStep& step, Duration took);

    /// Before Prometheus reads: what depends on the time.
    void look();
    [[nodiscard]] OutboxStatus status() const;

private:
    static constexpr std::size_t outcomes = 4;

    [[nodiscard]] double backlog_seconds() const;

    metrics::Registry& registry_;
    const std::string pipeline_;

    metrics::Counter events_;
    metrics::Counter bytes_;
    std::array<metrics::Counter, outcomes> batches_;
    std::array<metrics::Counter, refusal_reasons> refused_;
    metrics::Counter purged_rows_;
    metrics::Counter purge_gave_way_;
    metrics::Histogram batch_events_;
    metrics::Histogram read_seconds_;
    metrics::Histogram claim_seconds_;
    metrics::Histogram send_seconds_;
    metrics::Histogram purge_seconds_;
    metrics::Gauge leader_;
    metrics::Gauge backlog_seconds_;
    metrics::Gauge last_commit_;
    metrics::Gauge open_refused_;  // once they were counted

    mutable std::mutex mutex_;  // guards what follows
    bool has_backlog_ = false;
    std::chrono::steady_clock::time_point backlog_since_;
    metrics::Rate event_rate_;
    metrics::Rate byte_rate_;
    OutboxStatus totals_;
};

}  // namespace sluice
