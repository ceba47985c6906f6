#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::config {

/// A zone of the tz database, as the system has it: what its files say, and behind their last
/// transition the rule at their end. (GCC 12 has no std::chrono::time_zone.)
class TimeZone {
public:
    /// "Europe/Berlin"; nullopt: this system knows none of that name. "UTC" is always known.
    [[nodiscard]] static std::optional<TimeZone> named(std::string_view name);
    /// Of the content of a TZif file, from its version 2 on.
    [[nodiscard]] static std::optional<TimeZone> read(std::string_view tzif);

    /// How far its clocks are ahead of UTC.
    [[nodiscard]] std::chrono::seconds offset_at(std::chrono::sys_seconds time) const;

private:
    struct Transition {
        std::chrono::sys_seconds at;
        std::chrono::seconds offset{};
    };
    /// "M3.5.0/2": a month's weekday, the fifth being the last, and the time of that day.
    struct Turn {
        unsigned month = 1;
        unsigned week = 1;
        unsigned weekday = 0;
        std::chrono::seconds time = std::chrono::hours(2);

        [[nodiscard]] std::chrono::sys_seconds in(std::chrono::year year) const;
    };
    /// Two offsets a year; only `standard` where there are no turns.
    struct Rule {
        std::chrono::seconds standard{};
        std::chrono::seconds summer{};
        std::optional<Turn> to_summer;
        Turn to_standard;

        [[nodiscard]] std::chrono::seconds offset_at(std::chrono::sys_seconds time) const;
    };
    class RuleReader;

    std::chrono::seconds first_{};         ///< before the first transition
    std::vector<Transition> transitions_;  ///< by time
    std::optional<Rule> rule_;             ///< behind the last one
};

}  // namespace sluice::config
