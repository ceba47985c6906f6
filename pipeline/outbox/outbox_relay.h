#pragma once

#include "config/config.h"
#include "pipeline/backoff.h"
#include "pipeline/ongoing_trouble.h"
#include "pipeline/outbox/outbox_observer.h"
#include "pipeline/outbox/outbox_ports.h"
#include "pipeline/outbox/outbox_purger.h"
#include "pipeline/outbox/value_encoding.h"
#include "pipeline/standstill_watch.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

namespace sluice {

struct RelayParts {
    std::unique_ptr<OutboxStore> store;
    std::unique_ptr<EventProducer> producer;
    std::unique_ptr<Leadership> leadership;
    std::unique_ptr<OutboxPurger> purger;
    OutboxObserver& observer;
    std::unique_ptr<ValueEncoding> encoding{};  ///< null: values are sent as rows hold them
    /// Who holds a lock that the pipeline waits for (standstill_watch.h).
    std::function<std::string()> in_the_way = [] { return std::string(); };
};

/// How long a relay waits for others.
struct RelayPace {
    BackoffLimits retry{std::chrono::milliseconds(200), std::chrono::seconds(10)};
    std::chrono::milliseconds standby{1000};  ///< between two looks whether the lead is free
    std::chrono::milliseconds watch{1000};    ///< between two looks whether it stands still
};

/// Sends the rows of one outbox table to Kafka, each once: read, claim, send with a mark, purge
/// (docs/exactly-once.md). While another relay of the same name works, it waits for its turn.
///
/// run() works on the calling thread; the rest is for any thread. A thread of its own watches
/// whether it stands still. Whatever goes wrong, it begins anew at lead(): there is no other way to
/// recover.
class OutboxRelay {
public:
    OutboxRelay(const config::Outbox& config, RelayParts parts, const RelayPace& pace = {});
    ~OutboxRelay();

    /// Until request_stop(). Throws LostProgress when books and mark contradict each other,
    /// RejectedRecord when an event is refused and on_refused is stop, WrongConfiguration.
    void run();
    /// What is in flight may commit until the deadline.
    void request_stop(std::chrono::steady_clock::time_point deadline);

    using Role = OutboxObserver::Role;
    struct Status {
        Role role = Role::starting;
        bool idle = false;    ///< nothing was there to send at the last look
        std::string trouble;  ///< why nothing moves; empty: all is well
    };
    [[nodiscard]] Status status() const;

private:
    using Clock = std::chrono::steady_clock;

    /// What was claimed and is about to be committed.
    struct InFlight {
        BatchNumber number = 0;
        int round = 0;
        EventBatch events;
        Clock::time_point began = Clock::now();
    };
    /// How a piece of work ended that another relay can end too.
    enum class Went { on, superseded };

    void lead();
    BatchNumber reconcile();
    Went recover();
    Went write_mark(BatchNumber mark);
    Went resend(const ClaimedBatch& batch);
    Went work();
    Went sweep();
    Went send_all(Clock::time_point began);
    Went take(EventBatch events);
    void inspect(EventBatch& events, std::vector<Refusal>& refusals);
    Went refuse(InFlight& batch, const std::vector<Refusal>& refusals);
    Went send(InFlight batch);
    Went finish();
    Went rest();

    void step_down() noexcept;
    /// What is waited for from here on.
    void at(RelayStep step);
    void set_status(Role role, bool idle);
    /// All is well.
    void go_on(Role role, bool idle);
    [[nodiscard]] bool stopping() const;
    [[nodiscard]] bool out_of_time() const;
    /// False when it was ended by request_stop().
    bool wait(std::chrono::milliseconds time);
    void watch(const std::stop_token& stop);

    const config::Outbox config_;
    const RelayParts parts_;
    const RelayPace pace_;
    OngoingTrouble trouble_;  ///< what failed, until something goes on
    // The watching thread's:
    StandstillWatch standstill_;
    OngoingTrouble purging_;

    BatchNumber sent_ = 0;  ///< the mark
    BatchNumber last_ = 0;  ///< the highest claimed
    std::optional<InFlight> in_flight_;
    bool found_ = false;  ///< whether the last sweep found anything
    bool outrun_ = false;
    Clock::duration read_took_{};  ///< up to the first rows of the last sweep
    Backoff idle_;
    Backoff failing_;  ///< since a batch was sent
    Clock::time_point books_read_;

    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    Status status_;
    bool stopping_ = false;
    Clock::time_point deadline_;

    std::condition_variable_any ended_;
    std::jthread watching_;  // last: it uses what is above
};

}  // namespace sluice
