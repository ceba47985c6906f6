#include "pipeline/outbox/outbox_relay.h"

#include "pipeline/errors.h"
#include "pipeline/fail_point.h"
#include "pipeline/log.h"
#include "pipeline/outbox/read_ahead.h"

#include <algorithm>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using std::chrono::ceil;
using std::chrono::milliseconds;
using RelayOutcome = OutboxObserver::Outcome;

constexpr milliseconds slice = 1s;  // leadership is renewed at least this often
constexpr milliseconds longest_rest = 10s;
// What costs the database much is asked for less often: reading may take half of the time while
// there is work, a fifth when there is none.
constexpr int idle_share = 4;

std::string count(std::size_t events) {
    return std::to_string(events) + (events == 1 ? " event" : " events");
}

}  // namespace

OutboxRelay::OutboxRelay(const config::Outbox& config, RelayParts parts, const RelayPace& pace)
    : config_(config),
      parts_(std::move(parts)),
      pace_(pace),
      trouble_(config.name),
      standstill_(config.name,
                  {.waits_for_database = [this] { return parts_.observer.waits_for_database(); },
                   .in_the_way = parts_.in_the_way,
                   .why = [this](const std::string& who) { return parts_.observer.stuck(who); }}),
      purging_(config.name),
      idle_(config.poll.busy, config.poll.idle),
      failing_(pace.retry),
      watching_([this](const std::stop_token& stop) { watch(stop); }) {}

OutboxRelay::~OutboxRelay() = default;

void OutboxRelay::run() {
    // However it ends: nobody is told that it leads who does not any more.
    struct Leave {
        ~Leave() {
            relay.step_down();
            relay.at(RelayStep::nothing);
        }
        OutboxRelay& relay;
    } const leave{*this};
    while (!stopping()) {
        try {
            at(RelayStep::leading);
            if (!parts_.leadership->acquire()) {
                go_on(Role::standby, true);
                at(RelayStep::nothing);
                wait(pace_.standby);
                continue;
            }
            lead();
            failing_.reset();
        } catch (const TroubleOfTheWorld& trouble) {
            if (stopping()) return;  // a read that was interrupted, as a rule
            const auto pause = failing_.next();
            set_status(Role::starting, false);
            trouble_.begin(trouble.what(),
                           " (next try in " + std::to_string(pause.count()) + " ms)");
            step_down();
            wait(pause);
        }
    }
}

void OutboxRelay::step_down() noexcept {
    parts_.store->end_sweep();
    parts_.leadership->release();
    parts_.observer.on_role(Role::starting);
}

void OutboxRelay::at(RelayStep step) {
    parts_.observer.on_step(step);
}

/// Everything that a relay does begins here, whatever happened before.
void OutboxRelay::lead() {
    in_flight_.reset();
    sent_ = reconcile();
    SLUICE_FAIL_POINT("outbox_after_start");
    parts_.purger->on_sent(sent_);
    set_status(Role::leader, false);  // trouble is over when something goes on, not before
    log(LogLevel::info, config_.name, "sends from here on: the mark is " + std::to_string(sent_));
    Went went = recover();
    while (went == Went::on && !stopping()) {
        if (!parts_.leadership->hold()) {
            log(LogLevel::warn, config_.name,
                "the lead is lost: its connection broke, or this process stood still for too long; "
                "asking for it again");
            break;
        }
        went = work();
    }
    parts_.store->end_sweep();
    if (went == Went::superseded && !stopping()) {
        log(LogLevel::warn, config_.name,
            "fenced: another relay has taken over, or this one stood still for so long that Kafka "
            "ended its transaction; waiting for the next turn");
        parts_.leadership->release();
        go_on(Role::standby, true);
        at(RelayStep::nothing);
        wait(2 * pace_.standby);
    }
}

/// Reads the mark, and makes sure that it and the books are of the same history, before either is
/// relied on. The books are read on both sides of it: a relay that fences this one meanwhile claims
/// after it has written a mark, so only a claim that is older than our look at the marks misses
/// one, and a mark that was there has its claim in the later look.
BatchNumber OutboxRelay::reconcile() {
    at(RelayStep::books);
    const BatchNumber claimed_before = parts_.store->last_claimed();
    at(RelayStep::mark);
    const std::optional<BatchNumber> mark = parts_.producer->start();
    at(RelayStep::books);
    last_ = parts_.store->last_claimed();
    const bool lost_mark = !mark && claimed_before > 0;
    const bool lost_books = mark && *mark > last_;
    if (!mark && !lost_mark && last_ > 0)
        throw TroubleOfTheWorld("another relay claims batches just now");
    if ((lost_mark || lost_books) && config_.on_mark_lost == config::OnMarkLost::stop) {
        throw LostProgress(
            (lost_mark
                 ? "batches up to " + std::to_string(claimed_before) +
                       " were claimed, but there is no mark in topic " + config_.marks_topic
                 : "topic " + config_.marks_topic + " says that batch " + std::to_string(*mark) +
                       " was sent, but the books end at " + std::to_string(last_)) +
            ": one of the two was lost or comes from elsewhere; restore it, or set on_mark_lost = "
            "\"resend\" to send every row that is still in the table and not known to be sent");
    }
    if (lost_books) {
        // The numbers go on above the mark: a claim below it would count as sent.
        if (parts_.store->claim(*mark + 1, last_, {}) == ClaimResult::outrun) {
            throw TroubleOfTheWorld("another relay claims batches just now");
        }
        last_ = *mark + 1;
    }
    if (mark) return *mark;
    // The first mark says that nothing was sent. From here on, none at all means that it was lost.
    if (write_mark(0) == Went::superseded) {
        throw TroubleOfTheWorld("the first mark: another relay has taken over");
    }
    return 0;
}

/// A Kafka transaction of the mark alone. That it commits proves that nobody has fenced us before.
OutboxRelay::Went OutboxRelay::write_mark(BatchNumber mark) {
    at(RelayStep::mark);
    const EventBatch none;
    parts_.producer->send(mark, none);
    for (;;) {
        const SendResult result = parts_.producer->finish(slice);
        if (std::holds_alternative<Sent>(result)) return Went::on;
        if (std::holds_alternative<Superseded>(result)) return Went::superseded;
        const auto* failed = std::get_if<SendFailed>(&result);
        if (failed != nullptr) throw TroubleOfTheWorld("writing the mark: " + failed->reason);
        if (out_of_time()) throw TroubleOfTheWorld("the mark was not written in time");
    }
}

/// Sends what was claimed and not sent: by an earlier run, by a relay that is gone, or by a person
/// who retries refused events.
OutboxRelay::Went OutboxRelay::recover() {
    for (bool settled = false; !settled;) {
        settled = true;
        at(RelayStep::books);
        // Before the list is read: what is claimed later must find us outrun, not in the know.
        last_ = parts_.store->last_claimed();
        for (ClaimedBatch& batch : parts_.store->claimed_above(sent_)) {
            if (parts_.store->take_over(batch) == DecisionResult::outrun) {
                settled = false;  // two relays at once; the books say who is ahead now
                break;
            }
            SLUICE_FAIL_POINT("outbox_after_take_over");
            const auto number = batch.number;
            if (resend(batch) == Went::superseded) return Went::superseded;
            if (sent_ < number) return Went::superseded;
            if (out_of_time()) return Went::on;
        }
        if (stopping() && !settled) return Went::on;
    }
    last_ = std::max(last_, sent_);
    books_read_ = Clock::now();
    return Went::on;
}

OutboxRelay::Went OutboxRelay::resend(const ClaimedBatch& batch) {
    at(RelayStep::reading);
    EventBatch events = parts_.store->read_claimed(batch);
    if (const auto gone = batch.ids.size() - events.events().size(); gone > 0) {
        log(LogLevel::warn, config_.name,
            "batch " + std::to_string(batch.number) + ": " + count(gone) +
                " that it had claimed are not in the table any more: somebody else deleted them, "
                "unless another relay has sent them meanwhile");
    }
    log(LogLevel::info, config_.name,
        "batch " + std::to_string(batch.number) + " was claimed and not sent: sending its " +
            count(events.events().size()));
    InFlight in_flight{batch.number, batch.round, std::move(events)};
    auto refusals = read_headers(in_flight.events);
    inspect(in_flight.events, refusals);
    // A relay that was fenced while it slept may judge what its successor has already sent. Whoever
    // fences us after this finds our round in the books and decides in the next one.
    if (!refusals.empty() && write_mark(sent_) == Went::superseded) return Went::superseded;
    if (refuse(in_flight, refusals) == Went::superseded) return Went::superseded;
    if (send(std::move(in_flight)) == Went::superseded) return Went::superseded;
    return finish();
}

OutboxRelay::Went OutboxRelay::work() {
    const Went went = sweep();
    if (went == Went::superseded || stopping()) return went;
    at(RelayStep::books);
    if (outrun_ ||
        (!found_ && Clock::now() - books_read_ > slice && parts_.store->last_claimed() != last_)) {
        return recover();
    }
    if (Clock::now() - books_read_ > slice) books_read_ = Clock::now();
    return rest();
}

OutboxRelay::Went OutboxRelay::sweep() {
    const auto began = Clock::now();
    found_ = false;
    outrun_ = false;
    at(RelayStep::reading);
    parts_.store->begin_sweep(parts_.purger->purged());
    const Went went = send_all(began);
    if (went == Went::superseded) return went;
    parts_.store->end_sweep();
    if (!found_ && !stopping()) {
        parts_.observer.on_read(read_took_, OutboxObserver::Backlog::none);
    }
    return finish();
}

/// Claims and sends what the sweep that began then reads, until it ends or is cut.
OutboxRelay::Went OutboxRelay::send_all(Clock::time_point began) {
    const auto goes_on = [&] {
        return !outrun_ && !stopping() && Clock::now() - began <= config_.sweep;
    };
    ReadAhead rows(*parts_.store, {config_.batch_rows, config_.batch_bytes});
    for (;;) {
        at(RelayStep::reading);
        EventBatch events = rows.next(goes_on());
        if (!found_) read_took_ = Clock::now() - began;
        if (events.empty()) return Went::on;
        if (!found_) parts_.observer.on_read(read_took_, OutboxObserver::Backlog::some);
        found_ = true;
        SLUICE_FAIL_POINT("outbox_after_read");
        if (take(std::move(events)) == Went::superseded) return Went::superseded;
        if (!goes_on() || !parts_.leadership->hold()) return Went::on;
    }
}

/// Claims what was read and hands it to Kafka. The batch before it, which Kafka's threads have been
/// sending in the meantime, is committed first.
OutboxRelay::Went OutboxRelay::take(EventBatch events) {
    const BatchNumber number = std::max(last_, sent_) + 1;
    const auto began = Clock::now();
    at(RelayStep::claiming);
    if (parts_.store->claim(number, last_, events) == ClaimResult::outrun) {
        outrun_ = true;
        return Went::on;
    }
    SLUICE_FAIL_POINT("outbox_after_claim");
    parts_.observer.on_claimed(Clock::now() - began);
    last_ = number;
    InFlight batch{number, 0, std::move(events)};
    auto refusals = read_headers(batch.events);
    if (finish() == Went::superseded) return Went::superseded;
    inspect(batch.events, refusals);
    if (refuse(batch, refusals) == Went::superseded) return Went::superseded;
    return send(std::move(batch));
}

/// What Kafka cannot take comes first: an event for a topic that is not there has no schema either.
void OutboxRelay::inspect(EventBatch& events, std::vector<Refusal>& refusals) {
    at(RelayStep::sending);
    for (Refusal& refusal : parts_.producer->inspect(events)) {
        events.events()[refusal.event].refused = true;
        refusals.push_back(std::move(refusal));
    }
    if (parts_.encoding == nullptr) return;
    std::ranges::move(parts_.encoding->encode(events), std::back_inserter(refusals));
}

OutboxRelay::Went OutboxRelay::refuse(InFlight& batch, const std::vector<Refusal>& refusals) {
    if (refusals.empty()) return Went::on;
    const auto& first = refusals.front();
    const std::string about = "batch " + std::to_string(batch.number) + ": " +
                              count(refusals.size()) + " refused; the first has id \"" +
                              std::string(batch.events.events()[first.event].id) +
                              "\": " + std::string(name_of(first.reason)) + ": " + first.detail;
    if (config_.on_refused == config::OnRefused::stop) {
        throw RejectedRecord(about + "; on_refused = \"stop\" holds the pipeline here");
    }
    at(RelayStep::refusing);
    const auto result = parts_.store->refuse(batch.number, batch.round + 1, batch.events, refusals);
    if (result == DecisionResult::outrun) return Went::superseded;
    SLUICE_FAIL_POINT("outbox_after_refusal");
    ++batch.round;
    parts_.observer.on_refused(refusals);
    for (const Refusal& refusal : refusals) batch.events.events()[refusal.event].refused = true;
    log(LogLevel::warn, config_.name, about + "; see sluice.refused_event");
    return Went::on;
}

OutboxRelay::Went OutboxRelay::send(InFlight batch) {
    at(RelayStep::sending);
    in_flight_ = std::move(batch);
    in_flight_->began = Clock::now();
    parts_.producer->send(in_flight_->number, in_flight_->events);
    SLUICE_FAIL_POINT("outbox_after_send");
    return Went::on;
}

/// Until it is decided what became of the batch in flight.
OutboxRelay::Went OutboxRelay::finish() {
    while (in_flight_) {
        at(RelayStep::sending);
        SendResult result = parts_.producer->finish(slice);
        if (std::holds_alternative<Sent>(result)) {
            SLUICE_FAIL_POINT("outbox_after_commit");
            sent_ = in_flight_->number;
            failing_.reset();
            parts_.observer.on_sent(in_flight_->events, Clock::now() - in_flight_->began);
            parts_.purger->on_sent(sent_);
            go_on(Role::leader, false);
            in_flight_.reset();
        } else if (auto* refused = std::get_if<EventsRefused>(&result)) {
            parts_.observer.on_outcome(RelayOutcome::refused);
            if (refuse(*in_flight_, refused->refusals) == Went::superseded) {
                return Went::superseded;
            }
            static_cast<void>(parts_.leadership->hold());
            if (out_of_time()) return Went::superseded;
            parts_.producer->send(in_flight_->number, in_flight_->events);
        } else if (std::holds_alternative<Superseded>(result)) {
            parts_.observer.on_outcome(RelayOutcome::superseded);
            return Went::superseded;
        } else if (auto* failed = std::get_if<SendFailed>(&result)) {
            parts_.observer.on_outcome(RelayOutcome::failed);
            throw TroubleOfTheWorld("batch " + std::to_string(in_flight_->number) + ": " +
                                    failed->reason);
        } else {
            trouble_.begin("kafka has not answered for batch " +
                           std::to_string(in_flight_->number));
            // Lost or not: who has it now fences us, and that is how this ends.
            static_cast<void>(parts_.leadership->hold());
            if (out_of_time()) return Went::superseded;
        }
    }
    return Went::on;
}

OutboxRelay::Went OutboxRelay::rest() {
    milliseconds pause = config_.poll.busy;
    if (found_) {
        idle_.reset();
        pause = std::max(pause, ceil<milliseconds>(read_took_));
    } else {
        go_on(Role::leader, true);
        pause = std::max(idle_.next(), ceil<milliseconds>(read_took_ * idle_share));
    }
    at(RelayStep::nothing);
    const auto until = Clock::now() + std::min(pause, std::max(longest_rest, config_.poll.idle));
    while (Clock::now() < until) {
        const auto left = ceil<milliseconds>(until - Clock::now());
        if (!wait(std::min(left, slice))) break;
        if (left > slice && !parts_.leadership->hold()) break;
    }
    return Went::on;
}

void OutboxRelay::request_stop(Clock::time_point deadline) {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    deadline_ = deadline;
    changed_.notify_all();
    parts_.store->interrupt();
}

OutboxRelay::Status OutboxRelay::status() const {
    const std::lock_guard lock{mutex_};
    Status status = status_;
    status.trouble = trouble_.text();
    if (status.trouble.empty()) {
        // The watch knows who is in the way, and may be late to see that all is well again.
        status.trouble = parts_.observer.stuck();
        if (const std::string known = standstill_.text(); !status.trouble.empty() && !known.empty())
            status.trouble = known;
    }
    return status;
}

void OutboxRelay::watch(const std::stop_token& stop) {
    std::mutex unshared;
    std::unique_lock lock{unshared};
    while (!ended_.wait_for(lock, stop, pace_.watch, [&] { return stop.stop_requested(); })) {
        standstill_.look();
        purging_.set(parts_.observer.status().held_up);
    }
}

void OutboxRelay::set_status(Role role, bool idle) {
    const std::lock_guard lock{mutex_};
    status_.role = role;
    status_.idle = idle;
    parts_.observer.on_role(role);
}

void OutboxRelay::go_on(Role role, bool idle) {
    trouble_.end();
    parts_.observer.on_progress();
    set_status(role, idle);
}

bool OutboxRelay::stopping() const {
    const std::lock_guard lock{mutex_};
    return stopping_;
}

bool OutboxRelay::out_of_time() const {
    const std::lock_guard lock{mutex_};
    return stopping_ && Clock::now() >= deadline_;
}

bool OutboxRelay::wait(milliseconds time) {
    std::unique_lock lock{mutex_};
    return !changed_.wait_for(lock, time, [&] { return stopping_; });
}

}  // namespace sluice
