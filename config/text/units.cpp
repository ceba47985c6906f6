#include "config/text/units.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>
#include <utility>

namespace sluice::config {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t factor;
};

constexpr std::array<Unit, 10> size_units{{{"TiB", 1LL << 40},
                                           {"GiB", 1LL << 30},
                                           {"MiB", 1LL << 20},
                                           {"KiB", 1LL << 10},
                                           {"TB", 1'000'000'000'000},
                                           {"GB", 1'000'000'000},
                                           {"MB", 1'000'000},
                                           {"KB", 1'000},
                                           {"kB", 1'000},
                                           {"B", 1}}};

constexpr std::array<Unit, 5> duration_units{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

/// A whole number and, after optional blanks, what follows it.
std::optional<std::pair<std::int64_t, std::string_view>> split_number(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number < 0 || text.front() == '-') return std::nullopt;
    std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    return std::pair{number, rest};
}

template <std::size_t N>
std::optional<std::int64_t> scaled(std::int64_t number, std::string_view unit,
                                   const std::array<Unit, N>& units) {
    for (const Unit& known : units) {
        if (known.name != unit) continue;
        if (number > std::numeric_limits<std::int64_t>::max() / known.factor) return std::nullopt;
        return number * known.factor;
    }
    return std::nullopt;
}

/// Takes fixed-width digits and literal characters off the front of a text.
class Cursor {
public:
    explicit Cursor(std::string_view text) : rest_(text) {}

    int digits(std::size_t count) {
        int number = 0;
        for (std::size_t i = 0; i < count; ++i) number = number * 10 + digit();
        return number;
    }
    /// Takes one character out of `any_of`.
    char one_of(std::string_view any_of) {
        if (rest_.empty() || any_of.find(rest_.front()) == std::string_view::npos) {
            failed_ = true;
            return '\0';
        }
        const char taken = rest_.front();
        rest_.remove_prefix(1);
        return taken;
    }
    [[nodiscard]] bool at(char c) const { return !rest_.empty() && rest_.front() == c; }
    [[nodiscard]] bool at_digit() const {
        return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9';
    }
    [[nodiscard]] bool finished() const { return !failed_ && rest_.empty(); }
    [[nodiscard]] bool failed() const { return failed_; }

private:
    int digit() {
        const char taken = one_of("0123456789");
        return failed_ ? 0 : taken - '0';
    }

    std::string_view rest_;
    bool failed_ = false;
};

int fraction_milliseconds(Cursor& cursor) {
    if (!cursor.at('.')) return 0;
    cursor.one_of(".");
    int milliseconds = 0;
    int scale = 100;
    do {
        milliseconds += cursor.digits(1) * scale;
        scale /= 10;
    } while (!cursor.failed() && cursor.at_digit());
    return milliseconds;
}

std::string in_largest_unit(std::int64_t number, const Unit* units, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        if (number >= units[i].factor && number % units[i].factor == 0) {
            return std::to_string(number / units[i].factor) + std::string(units[i].name);
        }
    }
    return std::to_string(number) + std::string(units[count - 1].name);
}

}  // namespace

std::optional<std::size_t> parse_size(std::string_view text) {
    const auto split = split_number(text);
    if (!split) return std::nullopt;
    const auto [number, unit] = *split;
    const auto bytes = scaled(number, unit.empty() ? "B" : unit, size_units);
    if (!bytes) return std::nullopt;
    return static_cast<std::size_t>(*bytes);
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    const auto split = split_number(text);
    if (!split) return std::nullopt;
    const auto milliseconds = scaled(split->first, split->second, duration_units);
    if (!milliseconds) return std::nullopt;
    return std::chrono::milliseconds(*milliseconds);
}

std::optional<std::int64_t> parse_time(std::string_view text) {
    using namespace std::chrono;
    Cursor cursor(text);
    const int y = cursor.digits(4);
    cursor.one_of("-");
    const int mo = cursor.digits(2);
    cursor.one_of("-");
    const int d = cursor.digits(2);
    cursor.one_of("Tt ");
    const int h = cursor.digits(2);
    cursor.one_of(":");
    const int mi = cursor.digits(2);
    cursor.one_of(":");
    const int s = cursor.digits(2);
    const int ms = fraction_milliseconds(cursor);
    const char zone = cursor.one_of("Zz+-");
    int offset_minutes = 0;
    if (zone == '+' || zone == '-') {
        const int offset_hours = cursor.digits(2);
        cursor.one_of(":");
        const int minutes_part = cursor.digits(2);
        if (offset_hours > 23 || minutes_part > 59) return std::nullopt;
        offset_minutes = (offset_hours * 60 + minutes_part) * (zone == '-' ? -1 : 1);
    }
    const year_month_day date{year(y), month(static_cast<unsigned>(mo)),
                              day(static_cast<unsigned>(d))};
    if (!cursor.finished() || !date.ok() || h > 23 || mi > 59 || s > 59) return std::nullopt;
    const auto time = sys_days(date) + hours(h) + minutes(mi - offset_minutes) + seconds(s);
    return duration_cast<milliseconds>(time.time_since_epoch()).count() + ms;
}

std::string format_time(std::int64_t milliseconds) {
    using namespace std::chrono;
    constexpr std::int64_t year_0 = -62'167'219'200'000;
    constexpr std::int64_t year_10000 = 253'402'300'800'000;
    if (milliseconds < year_0 || milliseconds >= year_10000) return std::to_string(milliseconds);
    const sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(milliseconds)};
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const hh_mm_ss clock{time - day};
    std::array<char, 80> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                  static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                  static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()),
                  static_cast<int>(clock.subseconds().count()));
    return text.data();
}

std::string format_size(std::size_t bytes) {
    // The binary units alone: a size that nobody wrote reads best as one.
    constexpr std::array<Unit, 5> binary{
        {size_units[0], size_units[1], size_units[2], size_units[3], {"B", 1}}};
    return in_largest_unit(static_cast<std::int64_t>(bytes), binary.data(), binary.size());
}

std::string format_duration(std::chrono::milliseconds duration) {
    return in_largest_unit(duration.count(), duration_units.data(), duration_units.size());
}

}  // namespace sluice::config
