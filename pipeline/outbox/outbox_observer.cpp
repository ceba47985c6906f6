#include "pipeline/outbox/outbox_observer.h"

#include "pipeline/whole_seconds.h"

#include <algorithm>

namespace sluice {
namespace {

using metrics::seconds;

double now() {
    return seconds(std::chrono::system_clock::now().time_since_epoch());
}

// After so long it may be for a lock.
constexpr std::chrono::milliseconds long_wait{5000};

struct StepWords {
    const char* doing;
    bool in_database;
};

StepWords words_of(RelayStep step) {
    switch (step) {
        case RelayStep::nothing:
            break;
        case RelayStep::leading:
            return {"asks the database whether it may send", true};
        case RelayStep::books:
            return {"reads its books", true};
        case RelayStep::mark:
            return {"waits for its mark in Kafka", false};
        case RelayStep::reading:
            return {"reads the outbox table", true};
        case RelayStep::claiming:
            return {"writes a claim into its books", true};
        case RelayStep::refusing:
            return {"writes refused events into its books", true};
        case RelayStep::sending:
            return {"sends a batch to Kafka", false};
    }
    return {"rests", false};
}

}  // namespace

OutboxObserver::OutboxObserver(metrics::Registry& registry, const std::string& pipeline,
                               std::chrono::milliseconds patience)
    : registry_(registry), pipeline_(pipeline), patience_(patience) {
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

void OutboxObserver::set_patience(std::chrono::milliseconds patience) {
    const std::lock_guard lock{mutex_};
    patience_ = patience;
}

void OutboxObserver::on_step(RelayStep step) {
    const auto ticking = Clock::now();
    const std::lock_guard lock{mutex_};
    if (step == step_) return;
    // What it has rested before was no standstill.
    if (step_ == RelayStep::nothing) progressed_ = ticking;
    step_ = step;
    step_since_ = ticking;
}

void OutboxObserver::on_progress() {
    const std::lock_guard lock{mutex_};
    progressed_ = Clock::now();
}

std::string OutboxObserver::stuck(const std::string& in_the_way) const {
    const auto ticking = Clock::now();
    const std::lock_guard lock{mutex_};
    if (step_ == RelayStep::nothing || ticking - progressed_ <= patience_) return {};
    const auto [doing, in_database] = words_of(step_);
    std::string why = "nothing was sent for " + whole_seconds(ticking - progressed_) +
                      ": the relay " + doing + ", for " + whole_seconds(ticking - step_since_) +
                      " now";
    if (!in_the_way.empty()) return why + "; it waits for a lock of " + in_the_way;
    return why + (in_database ? "; is a table locked, or the database frozen or overloaded?"
                              : "; see brokers in [kafka], and the log");
}

bool OutboxObserver::waits_for_database() const {
    const std::lock_guard lock{mutex_};
    return words_of(step_).in_database &&
           Clock::now() - progressed_ > std::min(patience_, long_wait);
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

void OutboxObserver::on_purge_began() {
    const std::lock_guard lock{mutex_};
    purging_since_ = Clock::now();
}

void OutboxObserver::on_purged(const PurgeStep& step, Duration took) {
    purged_rows_.add(static_cast<double>(step.rows));
    purge_seconds_.observe(seconds(took));
    if (step.gave_way) purge_gave_way_.add();
    const std::lock_guard lock{mutex_};
    purging_since_.reset();
    purge_failed_.clear();
}

void OutboxObserver::on_purge_failed(const std::string& why) {
    const std::lock_guard lock{mutex_};
    purging_since_.reset();
    purge_failed_ = why;
}

void OutboxObserver::on_purge_ended() {
    on_purge_failed({});
}

/// The caller holds the mutex.
std::string OutboxObserver::purge_trouble() const {
    const auto ticking = Clock::now();
    if (purging_since_ && ticking - *purging_since_ > patience_)
        return "what was sent is not deleted: a purge has waited for the database for " +
               whole_seconds(ticking - *purging_since_) +
               "; has the outbox table an index on its id, or is the database frozen?";
    return purge_failed_.empty() ? "" : "what was sent is not deleted: " + purge_failed_;
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
    status.held_up = purge_trouble();
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
