#pragma once

#include "pipeline/outbox/outbox_event.h"

#include <chrono>
#include <string>
#include <variant>
#include <vector>

/// What an outbox relay needs of the world. Cloudberry implements the store, the purge and the
/// leadership in sinks/, Kafka the producer in kafka/; tests/fakes has fakes with the faults of
/// the real ones. Calls throw TroubleOfTheWorld when the other side cannot answer now: nothing is
/// known then of what the call would have done.
namespace sluice {

/// A batch that somebody claimed and that was, as far as is known, not sent.
struct ClaimedBatch {
    BatchNumber number = 0;
    enum class Kind { rows, retry } kind = Kind::rows;  ///< where its events are
    std::vector<std::string> ids;                       ///< of its events, in the order to send
    std::vector<int> refused;                           ///< places of those that stay behind
    int round = 0;                                      ///< of the last decision about it
};

enum class ClaimResult {
    claimed,
    outrun,  ///< another relay, or a person who retries events, was faster: read the books again
};

enum class DecisionResult {
    decided,
    outrun,  ///< another relay decides about this batch now
};

/// How much one read may take at once. Of such batches a relay holds three at most: in flight,
/// claimed, and read ahead.
struct EventLimits {
    std::size_t rows;
    std::size_t bytes;
};

/// An outbox table and the books of its relay. Used by the relay's thread only, save read(), which
/// may run on another one beside claim(), refuse() and last_claimed(); connects on first use and
/// again after a connection broke. No transaction stays open between calls, save the one that a
/// sweep reads in, which changes nothing.
class OutboxStore {
public:
    virtual ~OutboxStore() = default;

    /// The highest number that was ever claimed; 0: none.
    virtual BatchNumber last_claimed() = 0;
    /// The batches above the mark, in order.
    virtual std::vector<ClaimedBatch> claimed_above(BatchNumber mark) = 0;
    /// The events of such a batch, those that are still there, in the batch's order, with `refused`
    /// set where it is.
    virtual EventBatch read_claimed(const ClaimedBatch& batch) = 0;

    /// Begins to read all rows that no batch above `purged` has claimed, as one snapshot sees them,
    /// sorted. Of batches up to `purged` no row is left.
    virtual void begin_sweep(BatchNumber purged) = 0;
    /// The next rows, as many as the limits permit; empty: that was all.
    virtual EventBatch read(const EventLimits& limits) = 0;
    /// Also after any of these calls has thrown: before anything else is asked.
    virtual void end_sweep() noexcept = 0;
    /// From any thread, and for good: who waits for rows, now or later, waits no longer. A sweep
    /// has no more of them, read_claimed() throws.
    virtual void interrupt() = 0;

    /// Claims these events under a number, in one statement of its own, provided that `last` is
    /// still the highest number there is. A try whose answer got lost needs no settling: whoever
    /// comes next is outrun by it, and finds it in the books.
    virtual ClaimResult claim(BatchNumber number, BatchNumber last, const EventBatch& events) = 0;
    /// Takes over a batch that another relay claimed: what that one decides later finds itself
    /// outrun. `batch` counts the decision.
    virtual DecisionResult take_over(ClaimedBatch& batch) = 0;
    /// Writes events of a batch to the refused ones: from here on it is sent without them.
    /// `round` counts the decisions.
    virtual DecisionResult refuse(BatchNumber number, int round, const EventBatch& events,
                                  const std::vector<Refusal>& refusals) = 0;
};

/// Everything before it, and all of the batch but what is refused, is in Kafka, with its mark.
struct Sent {};
/// Nothing of the batch is in Kafka: it will never take these events.
struct EventsRefused {
    std::vector<Refusal> refusals;
};
/// Not known yet: ask again.
struct Undecided {};
/// Another relay has taken over: whether the batch was sent is its business now.
struct Superseded {};
/// The transaction failed, or its outcome is not to be had: start() again, and read the mark.
struct SendFailed {
    std::string reason;
};
using SendResult = std::variant<Sent, EventsRefused, Undecided, Superseded, SendFailed>;

/// Kafka, as a relay needs it: transactions of messages and a mark. Used by the relay's thread.
class EventProducer {
public:
    virtual ~EventProducer() = default;
    /// Fences every older producer of this relay, waits until what it had begun is decided, and
    /// reads the mark; nullopt: there is none. Nothing is sent before this was called, and after
    /// SendFailed nothing before it is called again.
    virtual std::optional<BatchNumber> start() = 0;
    /// What Kafka would certainly not take, without sending anything.
    virtual std::vector<Refusal> inspect(const EventBatch& events) = 0;
    /// Begins a transaction of all events that are not refused and the mark, and leaves the rest to
    /// finish(). `events` stays where it is until that has decided.
    virtual void send(BatchNumber mark, const EventBatch& events) = 0;
    /// Commits it. Blocks for at most about `patience`.
    virtual SendResult finish(std::chrono::milliseconds patience) = 0;
};

/// Who may work, so that two relays do not fence each other all the time. A courtesy: that each
/// event is sent once does not rest on it. Used by the relay's thread only.
class Leadership {
public:
    virtual ~Leadership() = default;
    /// Whether it is ours, now. Does not wait for it.
    virtual bool acquire() = 0;
    /// Asked between two steps of the work, however long they take; who has not asked for longer
    /// than any of them can take hangs, and loses it. False: it is not ours any more.
    virtual bool hold() = 0;
    virtual void release() noexcept = 0;
};

struct PurgeStep {
    BatchNumber purged = 0;  ///< of no batch up to this one a row is left
    std::int64_t rows = 0;   ///< deleted by this step
    bool gave_way = false;   ///< writers were in the way
    bool more = false;       ///< there is more to do now
};

/// Deletes rows that were sent, and then the books about them, in short steps that give way to
/// others. Used by one thread, which may be another than the relay's.
class OutboxPurge {
public:
    virtual ~OutboxPurge() = default;
    /// How far it had come before, as the books say.
    virtual BatchNumber purged() = 0;
    virtual PurgeStep step(BatchNumber sent) = 0;
};

}  // namespace sluice
