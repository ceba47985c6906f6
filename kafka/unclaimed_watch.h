#pragma once

#include "config/topics.h"
#include "kafka/handles.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace sluice::kafka {

/// Who comes back under its stable name gets what it was assigned last, and Kafka sees no reason
/// for another rebalance: what it had been about to hand over, when it died in the middle of one,
/// stays nobody's, and what it is to read instead of what it read before it does not get. Who
/// leaves and joins again is a reason. Used by one thread.
class UnclaimedWatch {
public:
    /// `named`: a member without a name is never in doubt.
    UnclaimedWatch(std::string group, config::Topics topics, bool named)
        : group_(std::move(group)), topics_(std::move(topics)), doubtful_(named) {}

    /// Whether what it is assigned may be what it was assigned last.
    [[nodiscard]] bool in_doubt() const { return doubtful_; }
    /// It was: there is something in it that the member does not read.
    void on_outdated() { outdated_ = true; }
    /// Why the member, which has an assignment, should join anew; empty: it should not. Asks the
    /// coordinator now and then, until it is known that nothing was left; blocks for a few seconds
    /// at most.
    [[nodiscard]] std::string why_to_join_anew(rd_kafka_t& client);

private:
    using Clock = std::chrono::steady_clock;

    const std::string group_;
    const config::Topics topics_;
    bool doubtful_;
    bool outdated_ = false;
    Clock::time_point next_look_;
    std::optional<Clock::time_point> unclaimed_since_;
};

}  // namespace sluice::kafka
