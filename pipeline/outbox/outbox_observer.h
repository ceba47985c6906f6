#pragma once

#include "metrics/rate.h"
#include "metrics/registry.h"
#include "pipeline/outbox/outbox_ports.h"
#include "pipeline/outbox/outbox_status.h"

#include <array>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>

namespace sluice {

/// What a relay waits for.
enum class RelayStep {
    nothing,   ///< it rests, stands by, or does not run
    leading,   ///< the database, to say whether it may send
    books,     ///< the database, for what its books say
    mark,      ///< Kafka, for the mark or to write it alone
    reading,   ///< the database, for rows
    claiming,  ///< the database, to take a claim
    refusing,  ///< the database, to take refused events
    sending,   ///< Kafka, with a batch
};

/// What one outbox pipeline does, counted for Prometheus. Outlives the pipeline's failures: what is
/// built anew goes on counting here. From any thread.
class OutboxObserver {
public:
    using Duration = std::chrono::steady_clock::duration;

    /// `patience`: after which time without progress a relay that has work is stuck.
    OutboxObserver(metrics::Registry& registry, const std::string& pipeline,
                   std::chrono::milliseconds patience = std::chrono::minutes(1));
    OutboxObserver(const OutboxObserver&) = delete;
    OutboxObserver& operator=(const OutboxObserver&) = delete;

    void set_patience(std::chrono::milliseconds patience);

    void on_step(RelayStep step);
    /// Something was sent, or there was nothing to send, or another relay sends.
    void on_progress();
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
    void on_purge_began();
    void on_purged(const PurgeStep& step, Duration took);
    void on_purge_failed(const std::string& why);
    /// There will be none, as long as the pipeline does not run.
    void on_purge_ended();

    /// Before Prometheus reads: what depends on the time.
    void look();
    [[nodiscard]] OutboxStatus status() const;
    /// Why the relay makes no progress, in words; empty when it does, or has not been for long.
    /// `in_the_way`: who holds a lock that it waits for, if anybody does.
    [[nodiscard]] std::string stuck(const std::string& in_the_way = {}) const;
    /// Whether the relay has waited for the database for a while, tries included.
    [[nodiscard]] bool waits_for_database() const;

private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::size_t outcomes = 4;

    [[nodiscard]] double backlog_seconds() const;
    [[nodiscard]] std::string purge_trouble() const;

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
    std::chrono::milliseconds patience_;
    RelayStep step_ = RelayStep::nothing;
    Clock::time_point step_since_;
    Clock::time_point progressed_;
    std::optional<Clock::time_point> purging_since_;
    std::string purge_failed_;  ///< why, as long as it does
    bool has_backlog_ = false;
    Clock::time_point backlog_since_;
    metrics::Rate event_rate_;
    metrics::Rate byte_rate_;
    OutboxStatus totals_;
};

}  // namespace sluice
