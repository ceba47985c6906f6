#include "pipeline/values/civil_time.h"

#include "config/text/characters.h"
#include "pipeline/values/eight_characters.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

namespace sluice::civil_time {

namespace {

using Outcome = Reading::Outcome;

/// Days since 1970-01-01 of a year from 1 on.
std::int32_t days_of(int year, int month, int day) {
    static constexpr int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    const int leap_days_until = month <= 2 ? year - 1 : year;
    const int centuries = leap_days_until / 100;
    return year * 365 + leap_days_until / 4 - centuries + centuries / 4 + before[month - 1] + day -
           719528;
}

struct Date {
    std::int64_t year;  ///< 0 is 1 BC
    int month, day;
};

/// The largest whole number that is not above the quotient.
std::int64_t floor_divide(std::int64_t number, std::int64_t by) {
    return number / by - (number % by < 0 ? 1 : 0);
}

Date date_of(std::int64_t days) {
    const std::int64_t era = floor_divide(days, 146097);  // from 1970-01-01
    auto day_of_era = static_cast<std::int64_t>(days - era * 146097) + 719468;
    const std::int64_t more = day_of_era / 146097;  // and from 0000-03-01
    day_of_era -= more * 146097;
    const std::int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const auto day_of_year =
        static_cast<int>(day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100));
    const int shifted_month = (5 * day_of_year + 2) / 153;
    const int day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    const int month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    return {year_of_era + (era + more) * 400 + (month <= 2 ? 1 : 0), month, day};
}

int days_in(int year, int month) {
    static constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

/// Two digits, or something far out of any range.
int two(const char* at) {
    const auto tens = static_cast<unsigned>(at[0] - '0');
    const auto ones = static_cast<unsigned>(at[1] - '0');
    return tens > 9 || ones > 9 ? 1000 : static_cast<int>(tens * 10 + ones);
}

constexpr int no_time = 1000;

/// Eight characters that were read at once.
class Eight {
public:
    explicit Eight(std::uint64_t digits) : pairs_(digits * 10 + (digits >> 8)) {}
    /// The number of two digits that begins there.
    [[nodiscard]] int two_at(int place) const {
        return static_cast<int>(pairs_ >> (8 * place) & 0xff);
    }

private:
    std::uint64_t pairs_;
};

/// What eight characters are: any digit where it has 0, elsewhere what it has.
class Pattern {
public:
    explicit constexpr Pattern(const char (&pattern)[9]) {
        for (int i = 0; i < 8; ++i) {
            const auto c = static_cast<unsigned char>(pattern[i]);
            expected_ |= std::uint64_t{c} << (8 * i);
            room_ |= (c == '0' ? std::uint64_t{0x80 - 10} : std::uint64_t{0x80 - 1}) << (8 * i);
        }
    }
    /// nullopt: it is something else.
    [[nodiscard]] std::optional<Eight> read(const char* at) const {
        const std::uint64_t found =
            eight_at(at) ^ expected_;  // digits become what they say, the others nothing
        if (((found | (found + room_)) & 0x8080'8080'8080'8080) != 0) return std::nullopt;
        return Eight(found);
    }

private:
    std::uint64_t expected_ = 0;
    std::uint64_t room_ = 0;  ///< what may be added to a byte before its highest bit is set
};

constexpr Pattern clock_pattern("00:00:00");
constexpr Pattern month_pattern("0000-00-");

/// The part of a second behind its point, from its first digit on; advances behind the last. Eight
/// characters before it are readable: those of the clock. Rounded as the database rounds.
std::int64_t read_fraction(const char*& at, const char* end) {
    static constexpr std::int64_t scale[] = {0, 100'000, 10'000, 1'000, 100, 10, 1};
    const char* const digits = at;
    // As most end: all at once, with zeros in the place of what stands before them.
    const char* const last = end[-1] == 'Z' ? end - 1 : end;
    if (const auto count = last - digits; count <= 6) {
        const std::uint64_t before = ~std::uint64_t{0} >> (8 * count);
        const std::uint64_t word = (eight_at(last - 8) & ~before) | (eight_zeros & before);
        if (const auto number = number_of_eight(word)) {
            at = last;
            return static_cast<std::int64_t>(*number) * scale[count];
        }
    }
    while (at != end && is_digit(*at)) ++at;
    if (at - digits <= 6) {
        std::int64_t number = 0;
        for (const char* digit = digits; digit != at; ++digit)
            number = number * 10 + (*digit - '0');
        return number * scale[at - digits];
    }
    double fraction = 0;
    std::from_chars(digits - 1, at, fraction);  // with the point
    return static_cast<std::int64_t>(std::rint(fraction * 1e6));
}

/// At "hh:mm"; advances to what follows the time.
[[gnu::always_inline]] inline Outcome read_clock(const char*& at, const char* end,
                                                 std::int64_t& microseconds) {
    int hour = no_time;
    int minute = no_time;
    int second = 0;
    std::int64_t fraction = 0;
    if (const auto clock = end - at >= 8 ? clock_pattern.read(at) : std::nullopt) {
        hour = clock->two_at(0);
        minute = clock->two_at(3);
        second = clock->two_at(6);
        at += 8;
        if (end - at >= 2 && *at == '.' && is_digit(at[1])) fraction = read_fraction(++at, end);
    } else if (end - at >= 5 && at[2] == ':') {
        hour = two(at);
        minute = two(at + 3);
        at += 5;
        if (end - at >= 3 && *at == ':') return Outcome::unknown;
    }
    if (hour == no_time || minute == no_time) return Outcome::unknown;
    if (hour == 24 || second == 60) return Outcome::unknown;  // permitted, with conditions
    if (hour > 24 || minute > 59 || second > 60) return Outcome::out_of_range;
    microseconds = ((hour * 60 + minute) * 60 + second) * microseconds_per_second + fraction;
    return Outcome::exact;
}

/// Z, +hh, +hhmm or +hh:mm up to the end.
bool read_zone(const char* at, const char* end, std::int32_t& seconds) {
    if (end - at == 1 && (*at == 'Z' || *at == 'z')) {
        seconds = 0;
        return true;
    }
    if (end - at < 3 || (*at != '+' && *at != '-')) return false;
    const bool west = *at == '-';
    const int hours = two(at + 1);
    int minutes = 0;
    at += 3;
    if (at != end) {
        if (*at == ':') ++at;
        if (end - at != 2) return false;
        minutes = two(at);
    }
    if (hours > 15 || minutes > 59) return false;  // the database's limits, and its words for them
    seconds = (hours * 60 + minutes) * 60;
    if (west) seconds = -seconds;
    return true;
}

void put_two(char*& to, int number) {
    *to++ = static_cast<char>('0' + number / 10);
    *to++ = static_cast<char>('0' + number % 10);
}

char* put_number(char* to, std::uint64_t number, int least_digits) {
    char digits[20];
    char* const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    for (auto count = end - digits; count < least_digits; ++count) *to++ = '0';
    return std::copy(digits, end, to);
}

char* put_date(char* to, const Date& date) {
    to = put_number(to, static_cast<std::uint64_t>(date.year > 0 ? date.year : 1 - date.year), 4);
    *to++ = '-';
    put_two(to, date.month);
    *to++ = '-';
    put_two(to, date.day);
    return to;
}

/// There is no year 0: 1 BC precedes 1.
char* put_era(char* to, const Date& date) {
    return date.year > 0 ? to : std::copy_n(" BC", 3, to);
}

}  // namespace

Reading read_date_time(std::string_view text) {
    text = trimmed(text);
    Reading reading;
    const char* at = text.data();
    const char* const end = at + text.size();
    const auto of_year = end - at >= 10 ? month_pattern.read(at) : std::nullopt;
    if (!of_year) return reading;
    const int year = of_year->two_at(0) * 100 + of_year->two_at(2);
    const int month = of_year->two_at(5);
    const int day = two(at + 8);
    if (year == 0 || day == no_time) return reading;
    at += 10;
    bool time_in_range = true;
    if (at != end) {
        if (*at == 'T' || *at == 't') {
            ++at;
        } else if (*at == ' ') {
            while (*at == ' ') ++at;  // ends: the text is trimmed
        } else {
            return reading;
        }
        const Outcome clock = read_clock(at, end, reading.microseconds);
        if (clock == Outcome::unknown) return reading;
        time_in_range = clock == Outcome::exact;
        while (at != end && *at == ' ') ++at;
        if (at != end) {
            if (!read_zone(at, end, reading.zone_seconds)) return reading;
            reading.has_zone = true;
        }
    }
    const bool is_day =
        month >= 1 && month <= 12 && day >= 1 && (day <= 28 || day <= days_in(year, month));
    if (!time_in_range || !is_day) {
        reading.outcome = Outcome::out_of_range;
        return reading;
    }
    reading.days = days_of(year, month, day) - database_epoch_days;
    reading.outcome = Outcome::exact;
    return reading;
}

Reading read_time(std::string_view text) {
    text = trimmed(text);
    Reading reading;
    const char* at = text.data();
    const char* const end = at + text.size();
    const Outcome clock = read_clock(at, end, reading.microseconds);
    if (at == end) reading.outcome = clock;
    return reading;
}

bool is_hopeless(std::string_view text) {
    std::string lower;
    for (const char c : text) {
        if (is_digit(c)) return false;
        lower += to_lower(c);
    }
    for (const char* word :
         {"now", "today", "tomorrow", "yesterday", "epoch", "infinity", "allballs"}) {
        if (lower.find(word) != std::string::npos) return false;
    }
    return true;
}

char* write_date(char* to, std::int64_t days) {
    const Date date = date_of(days);
    to = put_date(to, date);
    return put_era(to, date);
}

char* write_time(char* to, std::int64_t microseconds, int decimals) {
    const bool negative = microseconds < 0;
    auto rest = static_cast<std::uint64_t>(microseconds);
    if (negative) {
        rest = -rest;
        *to++ = '-';
    }
    const std::uint64_t seconds = rest / microseconds_per_second;
    auto fraction = static_cast<int>(rest % microseconds_per_second);
    to = put_number(to, seconds / 3600, 2);
    *to++ = ':';
    put_two(to, static_cast<int>(seconds / 60 % 60));
    *to++ = ':';
    put_two(to, static_cast<int>(seconds % 60));
    if (fraction == 0 && decimals == 0) return to;
    *to++ = '.';
    for (int unit = 100'000; unit > 0 && (fraction > 0 || decimals > 0); unit /= 10, --decimals) {
        *to++ = static_cast<char>('0' + fraction / unit);
        fraction %= unit;
    }
    return to;
}

char* write_timestamp(char* to, std::int64_t microseconds, Zone zone, int decimals) {
    const std::int64_t days = floor_divide(microseconds, microseconds_per_day);
    const Date date = date_of(days);
    to = put_date(to, date);
    *to++ = ' ';
    // By parts, as the first day that there is begins before the first microsecond.
    std::int64_t of_day = microseconds % microseconds_per_day;
    if (of_day < 0) of_day += microseconds_per_day;
    to = write_time(to, of_day, decimals);
    if (zone == Zone::utc) {
        *to++ = '+';
        *to++ = '0';
        *to++ = '0';
    }
    return put_era(to, date);
}

}  // namespace sluice::civil_time
