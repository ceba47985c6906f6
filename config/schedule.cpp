#include "config/schedule.h"

#include "config/text/characters.h"

namespace sluice::config {
namespace {

/// "06:00"; "24:00" is the day's end.
std::optional<std::chrono::minutes> parse_clock(std::string_view text) {
    constexpr std::string_view form = "00:00";
    if (text.size() != form.size()) return std::nullopt;
    for (std::size_t i = 0; i < form.size(); ++i)
        if (form[i] == '0' ? !is_digit(text[i]) : text[i] != form[i]) return std::nullopt;
    const auto number = [text](std::size_t at) {
        return (text[at] - '0') * 10 + (text[at + 1] - '0');
    };
    const std::chrono::minutes minutes =
        std::chrono::hours(number(0)) + std::chrono::minutes(number(3));
    if (number(3) > 59 || minutes > std::chrono::hours(24)) return std::nullopt;
    return minutes;
}

}  // namespace

std::optional<Schedule> parse_schedule(std::string_view text) {
    const std::size_t dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto from = parse_clock(trimmed(text.substr(0, dash)));
    const auto to = parse_clock(trimmed(text.substr(dash + 1)));
    if (!from || !to || *from == *to || *from == std::chrono::hours(24)) return std::nullopt;
    return Schedule{.from = *from, .to = *to, .text = std::string(text)};
}

std::string to_string(const Schedule& schedule) {
    return schedule.text + " " + schedule.zone;
}

bool is_within(const Schedule& schedule, const TimeZone& zone, std::chrono::sys_seconds time) {
    const std::chrono::sys_seconds there = time + zone.offset_at(time);
    const auto clock = there - std::chrono::floor<std::chrono::days>(there);
    if (schedule.from < schedule.to) return clock >= schedule.from && clock < schedule.to;
    return clock >= schedule.from || clock < schedule.to;
}

}  // namespace sluice::config
