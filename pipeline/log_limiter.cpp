#include "pipeline/log_limiter.h"

namespace sluice {

std::string without_numbers(std::string_view text) {
    std::string shape;
    bool in_number = false;
    for (const char c : text) {
        const bool digit = c >= '0' && c <= '9';
        if (!digit) shape += c;
        if (digit && !in_number) shape += '#';
        in_number = digit;
    }
    return shape;
}

std::optional<std::string> LogLimiter::pass(std::string_view about, std::string_view text,
                                            Clock::time_point now) {
    if (events_.size() >= most_events) forget_old(now);
    Event& event = events_[std::string(about) + '\n' + without_numbers(text)];
    if (event.in_window == 0 || now - event.window_began >= window) {
        event.window_began = now;
        event.in_window = 0;
    }
    if (++event.in_window > most_per_window) {
        ++event.left_out;
        return std::nullopt;
    }
    std::string written(text);
    if (event.left_out > 0) {
        written += " (and " + std::to_string(event.left_out) + " more like it since the last one)";
        event.left_out = 0;
    }
    return written;
}

/// Those that still count something are few: each of them was written five times in a minute.
void LogLimiter::forget_old(Clock::time_point now) {
    std::erase_if(events_,
                  [&](const auto& event) { return now - event.second.window_began >= window; });
    if (events_.size() >= most_events) events_.clear();
}

}  // namespace sluice
