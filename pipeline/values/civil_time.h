#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

/// Dates and times as the database counts them: from 2000-01-01, in the Gregorian calendar
/// throughout, without leap seconds.
namespace sluice::civil_time {

constexpr std::int64_t microseconds_per_second = 1'000'000;
constexpr std::int64_t microseconds_per_day = 86'400 * microseconds_per_second;
/// 2000-01-01, counted from 1970-01-01.
constexpr std::int32_t database_epoch_days = 10957;

/// Moments that the database holds, since 1970: the first, in 4713 BC. The last is beyond int64's.
constexpr std::int64_t first_microsecond = -210'866'803'200'000'000;
/// How PostgreSQL's driver for Java, and so Debezium, count the moments without an end.
constexpr std::int64_t infinite_microsecond = 9'223'372'036'825'200'000;
constexpr std::int64_t first_infinite_microsecond = -9'223'372'036'832'400'000;
/// Days that it holds, since 1970.
constexpr std::int64_t first_day = -2'440'588;
constexpr std::int64_t end_day = 2'145'042'906;
/// How Debezium counts the days without an end. In changes: PostgreSQL's own numbers, the first as
/// it is and as int32 has what is beyond. In snapshots: what Java makes of the moments above, in
/// its zones up to UTC and in those east of it.
constexpr std::array<std::int64_t, 4> infinite_days{2'146'033'979, -2'147'472'692, -622'191'234,
                                                    -622'191'233};
constexpr std::array<std::int64_t, 3> first_infinite_days{-2'147'472'691, -625'821'272,
                                                          -625'821'271};

/// A date and a time in ISO 8601, as far as its text goes.
struct Reading {
    enum class Outcome {
        exact,         ///< the database would read the same
        out_of_range,  ///< there is no such day or time
        unknown,       ///< not of this form: perhaps something else that the database knows
    };
    Outcome outcome = Outcome::unknown;
    std::int32_t days = 0;          ///< since 2000-01-01
    std::int64_t microseconds = 0;  ///< since midnight
    bool has_zone = false;
    std::int32_t zone_seconds = 0;  ///< east of UTC
};

/// YYYY-MM-DD, then perhaps a "T" or spaces and a time, then perhaps a zone: Z, +hh, +hh:mm, +hhmm.
[[nodiscard]] Reading read_date_time(std::string_view text);
/// hh:mm or hh:mm:ss or hh:mm:ss.fraction
[[nodiscard]] Reading read_time(std::string_view text);

/// Whether the text is certainly neither a date nor a time: no digit, none of the special words.
[[nodiscard]] bool is_hopeless(std::string_view text);

// As the database writes them, and reads them again: years of four digits or more, "BC" at the end.
// They return the end.

/// Room for any text that the functions below write.
constexpr std::size_t longest = 64;

/// "2024-01-15" of days since 1970.
char* write_date(char* to, std::int64_t days);
enum class Zone { none, utc };
/// "2024-01-15 10:30:00.123+00" of microseconds since 1970, without needless zeros behind the
/// point but at least `decimals` of them.
char* write_timestamp(char* to, std::int64_t microseconds, Zone zone, int decimals = 0);
/// "10:30:00.123"; the hours go on beyond 24, and "-" stands before what is below 0.
char* write_time(char* to, std::int64_t microseconds, int decimals = 0);

}  // namespace sluice::civil_time
