#include "pipeline/outbox/outbox_observer.h"

namespace sluice {
namespace {

using metrics::seconds;

double now() {
    return seconds(std::chrono::system_clock::now().time_since_epoch());
}

}  // namespace

OutboxObserver::OutboxObserver(metrics::Registry& registry, const std::string& pipeline)
    : registry_(registry), pipeline_(pipeline) {
    const metrics::Labels labels{{"pipeline", pipeline}};
    events_ = registry.counter("sluice_outbox_events_total", "Events committed to Kafka", labels);
    bytes_ =
        registry.counter("sluice_outbox_bytes_total", "Bytes of the rows of those events", labels);
    constexpr std::array outcome_names{"sent", "refused", "failed", "superseded"};
    for (std::size_t i = 0; i < outcomes; ++i) {
        batches_[i] = registry.counter("sluice_outbox_batches_total",
                                       "What became of batches that were offered to Kafka",
                                       {{"pipeline", pipeline}, {"outcome", outcome_names[i]}});
    }
    for (std::size_t i = 0; i < refusal_reasons; ++i) {
        refused_[i] = registry.counter(
            "sluice_outbox_refused_total", "Events that Kafka can not take, by reason",
            {{"pipeline", pipeline},
             {"reason", std::string(name_of(static_cast<RefusalReason>(i)))}});
    }
    purged_rows_ = registry.counter("sluice_outbox_purged_rows_total",
                                    "Rows deleted after they were sent", labels);
    purge_gave_way_ =
        registry.counter("sluice_outbox_purge_gave_way_total",
                         "Purges that were put off because the table was in use", labels);
    batch_events_ = registry.histogram({"sluice_outbox_batch_events", "Events of a sent batch"},
                                       metrics::count_bounds(), labels);
    const auto duration = [&](const char* name, const char* help) {
        return registry.histogram({name, help}, metrics::duration_bounds(), labels);
    };
    read_seconds_ = duration("sluice_outbox_read_seconds",
                             "Time up to the first rows of a read, or to its end");
    claim_seconds_ = duration("sluice_outbox_claim_seconds", "Time that claiming a batch took");
    send_seconds_ = duration("sluice_outbox_send_seconds",
                             "From handing a batch to the Kafka client to the commit");
    purge_seconds_ = duration("sluice_outbox_purge_seconds",
                              "Time that one step of a purge took, waiting included");
    leader_ =
        registry.gauge("sluice_outbox_leader",
                       "1 while this daemon sends, 0 while another one does or none can", labels);
    backlog_seconds_ = registry.gauge(
        "sluice_outbox_backlog_seconds",
        "For how long there has been something to send without a pause; 0 when all was sent at "
        "the last look",
        labels);
    last_commit_ = registry.gauge(
        "sluice_pipeline_last_commit_timestamp_seconds",
        "When the pipeline last committed, in seconds since 1970; 0 before the first",
        {{"kind", "outbox"}, {"pipeline", pipeline}});
}

void OutboxObserver::on_role(Role role) {
    leader_.set(role == Role::leader ? 1 : 0);
    const std::lock_guard lock{mutex_};
    totals_.role = role;
    if (role == Role::standby) has_backlog_ = false;  // what there is to send, its leader tells
}

void OutboxObserver::on_read(Duration took, Backlog backlog) {
    read_seconds_.observe(seconds(took));
    const std::lock_guard lock{mutex_};
    const bool some = backlog == Backlog::some;
    if (some && !has_backlog_) backlog_since_ = std::chrono::steady_clock::now();
    has_backlog_ = some;
    totals_.was_empty |= !some;
}

void OutboxObserver::on_claimed(Duration took) {
    claim_seconds_.observe(seconds(took));
}

void OutboxObserver::on_sent(const EventBatch& batch, Duration took) {
    std::size_t sent = 0;
    for (const OutboxEvent& event : batch.events()) sent += event.refused ? 0 : 1;
    events_.add(static_cast<double>(sent));
    bytes_.add(static_cast<double>(batch.bytes()));
    batch_events_.observe(static_cast<double>(sent));
    send_seconds_.observe(seconds(took));
    last_commit_.set(now());
    on_outcome(Outcome::sent);
    const auto ticking = std::chrono::steady_clock::now();
    const std::lock_guard lock{mutex_};
    totals_.events += static_cast<std::int64_t>(sent);
    totals_.bytes += static_cast<std::int64_t>(batch.bytes());
    totals_.last_commit = std::chrono::system_clock::now();
    event_rate_.add(static_cast<double>(sent), ticking);
    byte_rate_.add(static_cast<double>(batch.bytes()), ticking);
}

void OutboxObserver::on_outcome(Outcome outcome) {
    batches_[static_cast<std::size_t>(outcome)].add();
}

void OutboxObserver::on_refused(const std::vector<Refusal>& refusals) {
    for (const Refusal& refusal : refusals) {
        refused_[static_cast<std::size_t>(refusal.reason)].add();
    }
    const std::lock_guard lock{mutex_};
    totals_.refused += static_cast<std::int64_t>(refusals.size());
}

void OutboxObserver::on_open_refused_events(std::int64_t count) {
    const std::lock_guard lock{mutex_};
    if (!totals_.open_refused) {
        open_refused_ = registry_.gauge(
            "sluice_outbox_refused_open",
            "Refused events in the database that were neither claimed to be sent again nor "
            "discarded",
            {{"pipeline", pipeline_}});
    }
    totals_.open_refused = count;
    open_refused_.set(static_cast<double>(count));
}

void OutboxObserver::on_purged(const PurgeStep& step, Duration took) {
    purged_rows_.add(static_cast<double>(step.rows));
    purge_seconds_.observe(seconds(took));
    if (step.gave_way) purge_gave_way_.add();
}

void OutboxObserver::look() {
    const std::lock_guard lock{mutex_};
    backlog_seconds_.set(backlog_seconds());
}

OutboxStatus OutboxObserver::status() const {
    const auto ticking = std::chrono::steady_clock::now();
    const std::lock_guard lock{mutex_};
    OutboxStatus status = totals_;
    status.events_per_second = event_rate_.per_second(ticking);
    status.bytes_per_second = byte_rate_.per_second(ticking);
    status.backlog_seconds = backlog_seconds();
    return status;
}

/// The caller holds the mutex.
double OutboxObserver::backlog_seconds() const {
    return has_backlog_ ? seconds(std::chrono::steady_clock::now() - backlog_since_) : 0;
}

const char* name_of(OutboxStatus::Role role) {
    switch (role) {
        case OutboxStatus::Role::starting:
            return "starting";
        case OutboxStatus::Role::standby:
            return "standby";
        case OutboxStatus::Role::leader:
            break;
    }
    return "leader";
}

}  // namespace sluice
