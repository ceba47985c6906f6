#pragma once

#include "pipeline/backoff.h"
#include "pipeline/ingest/ingest_status.h"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace sluice {

/// Topics with targets of their own, as far as their targets take rows. Used by the control thread.
class HeldTopics {
public:
    using Clock = std::chrono::steady_clock;

    /// `limits`: how long a topic waits before its target is looked for again.
    HeldTopics(std::string pipeline, const BackoffLimits& limits)
        : pipeline_(std::move(pipeline)), limits_(limits) {}

    /// Its target takes no rows now.
    void hold_up(const std::string& topic, const std::string& why);
    /// Nor did it when it was looked for.
    void hold_up_again(const std::string& topic, const std::string& why);
    void found_target(const std::string& topic, Clock::time_point now);

    [[nodiscard]] bool has_target(const std::string& topic) const {
        return have_targets_.contains(topic);
    }
    /// Whether it is too early to look for its target.
    [[nodiscard]] bool waits(const std::string& topic, Clock::time_point now) const;
    [[nodiscard]] bool contains(const std::string& topic) const { return held_.contains(topic); }
    [[nodiscard]] bool empty() const { return held_.empty(); }
    /// For the status, by topic.
    [[nodiscard]] std::map<std::string, IngestStatus::HeldTopic> told() const;
    /// Forgets those that have gone on since before `since`, which it says, and all that are not
    /// `ours`. Returns whether there were any.
    bool forget(const std::set<std::string>& ours, Clock::time_point since);

private:
    struct Held {
        IngestStatus::HeldTopic told;
        Backoff backoff;
        Clock::time_point next_try;
        std::optional<Clock::time_point> goes_on_since{};
    };

    const std::string pipeline_;
    const BackoffLimits limits_;
    std::map<std::string, Held> held_;
    std::set<std::string> have_targets_;
};

}  // namespace sluice
