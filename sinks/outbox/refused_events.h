#pragma once

#include "config/condition/condition.h"
#include "sinks/outbox/outbox_store.h"
#include "sinks/session/session.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// An event of an outbox that Kafka could not take, as `sluice outbox list` shows it.
struct RefusedEvent {
    std::int64_t batch = 0;
    int place = 0;  ///< in its batch
    std::string id;
    std::optional<std::string> topic;
    std::optional<std::string> partition;
    std::string reason;
    std::string detail;
    std::string refused_at;
    bool claimed = false;  ///< to be sent again: the relay will, or has done so just now
};

/// Which ones.
struct RefusedEventQuery {
    std::string schema = "sluice";
    std::string relay;
    std::optional<config::Condition> where{};  ///< over refused_event_fields()
};
/// id, topic, partition, reason, detail, refused, batch.
[[nodiscard]] std::vector<config::Field> refused_event_fields();

struct RefusedEventCount {
    std::int64_t open = 0;     ///< that nobody has decided about
    std::int64_t claimed = 0;  ///< to be sent again
};

// These throw DatabaseError.
[[nodiscard]] RefusedEventCount count_refused_events(Session& session,
                                                     const RefusedEventQuery& query);
/// The open ones of all relays that have some.
[[nodiscard]] std::map<std::string, std::int64_t> count_open_refused_events(
    Session& session, const std::string& schema);
/// How many open ones there are for which reason, the most frequent first.
[[nodiscard]] std::vector<std::pair<std::string, std::int64_t>> sum_up_refused_events(
    Session& session, const RefusedEventQuery& query);
/// The latest ones first.
[[nodiscard]] std::vector<RefusedEvent> newest_refused_events(Session& session,
                                                              const RefusedEventQuery& query,
                                                              std::int64_t limit);

/// Decides about open refused events, a page at a time, each in one short transaction. Those who
/// decide about one relay's at the same time take turns. Throws DatabaseError; Trouble::again when
/// others were in the way: the same page again, soon.
class RefusedEventPass {
public:
    enum class Decision {
        send_again,  ///< claimed for the relay, which sends them as it sends any batch
        discard,     ///< deleted
    };
    struct Options {
        RefusedEventQuery query;
        Decision decision = Decision::send_again;
        std::string writer{};    ///< who claims, for people
        std::string revision{};  ///< of the configuration
        /// Kafka's, read just now: a claim at or below it counts as
        /// sent, so send_again throws LostProgress when the books end before it.
        BatchNumber mark = 0;
    };
    RefusedEventPass(Session& session, Options options);

    /// How many it has decided about; nullopt: none is left of those that were there at first.
    std::optional<std::int64_t> next();

private:
    [[nodiscard]] RelayIdentity identity() const;
    [[nodiscard]] std::vector<std::string> read_page();
    /// False: a relay has claimed meanwhile.
    [[nodiscard]] bool claim(std::vector<std::string> keys, BatchNumber last);
    void remove(const std::vector<std::string>& keys);

    Session& session_;
    const Options options_;
    std::optional<BatchNumber> last_batch_;  // refused again, an event is of a later one
};

}  // namespace sluice
