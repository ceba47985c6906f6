#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// With # in each one's place: "failure 3 in a row" and "failure 4 in a row" are one event.
[[nodiscard]] std::string without_numbers(std::string_view text);

/// Lets an event through a few times a minute, and then only counts it. Two events are the same
/// when they are about the same and differ in numbers only. One thread at a time.
class LogLimiter {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr int most_per_window = 5;
    static constexpr std::chrono::seconds window{60};

    /// The text to write, with how many were left out before it, or nothing.
    [[nodiscard]] std::optional<std::string> pass(std::string_view about, std::string_view text,
                                                  Clock::time_point now);

private:
    struct Event {
        Clock::time_point window_began;
        int in_window = 0;
        int left_out = 0;
    };
    static constexpr std::size_t most_events = 2000;
    void forget_old(Clock::time_point now);

    std::map<std::string, Event> events_;
};

}  // namespace sluice
