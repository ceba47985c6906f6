#include "pipeline/values/conversion.h"

#include "config/text/characters.h"
#include "pipeline/values/big_endian.h"
#include "pipeline/values/civil_time.h"
#include "pipeline/values/numeric.h"
#include "schemas/base64.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>

namespace sluice {

namespace {

using config::Conversion;

constexpr std::string_view without_end = "infinity";
constexpr std::string_view without_beginning = "-infinity";

enum class Read { done, wrong, out_of_range };
/// What becomes of digits behind a whole number's point. Down: as formats that have nanoseconds
/// are read.
enum class Rest { rounds, goes_down };

/// [-]digits[.digits][e[sign]digits] times 10 to the power of `decimals`, made a whole number:
/// exactly, as its text says.
Read read_scaled(std::string_view text, int decimals, Rest rest, std::int64_t& result) {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const std::string_view number = text.substr(0, text.find_first_of("eE"));
    const std::string_view exponent = text.substr(number.size());
    const std::size_t whole = std::min(number.find('.'), number.size());
    std::int64_t power = 0;
    bool huge = false;
    if (!exponent.empty()) {
        const char* from = exponent.data() + 1;
        const char* const end = exponent.data() + exponent.size();
        if (end - from > 1 && *from == '+' && is_digit(from[1])) ++from;
        const auto [after, error] = std::from_chars(from, end, power);
        huge = error == std::errc::result_out_of_range && after == end;
        if (!huge && (error != std::errc() || after != end)) return Read::wrong;
        constexpr std::int64_t beyond_any_record = std::int64_t{1} << 40;
        if (huge || power > beyond_any_record || power < -beyond_any_record) {
            power = *from == '-' ? -beyond_any_record : beyond_any_record;
        }
    }
    // So many digits count as whole ones; the next one rounds.
    std::int64_t left = static_cast<std::int64_t>(whole) + power + decimals;
    std::int64_t magnitude = 0;
    bool overflow = false;
    bool exact = true;
    std::size_t digits = 0;
    for (std::size_t i = 0; i < number.size(); ++i) {
        if (i == whole) continue;
        if (!is_digit(number[i])) return Read::wrong;
        const int digit = number[i] - '0';
        ++digits;
        if (left > 0) {
            overflow |= __builtin_mul_overflow(magnitude, 10, &magnitude);
            overflow |= __builtin_add_overflow(magnitude, digit, &magnitude);
        } else if (rest == Rest::goes_down) {
            exact &= digit == 0;
        } else if (left == 0 && digit >= 5) {
            overflow |= __builtin_add_overflow(magnitude, 1, &magnitude);
        }
        --left;
    }
    if (digits == 0) return Read::wrong;
    for (; left > 0 && magnitude != 0 && !overflow; --left) {
        overflow |= __builtin_mul_overflow(magnitude, 10, &magnitude);
    }
    if (negative && !exact) overflow |= __builtin_add_overflow(magnitude, 1, &magnitude);
    if (overflow) return Read::out_of_range;
    result = negative ? -magnitude : magnitude;
    return Read::done;
}

constexpr Rest rest_of(int decimals) {
    return decimals < 0 ? Rest::goes_down : Rest::rounds;
}

Converted from_epoch(std::string_view text, int decimals) {
    std::int64_t microseconds = 0;
    switch (read_scaled(trimmed(text), decimals, rest_of(decimals), microseconds)) {
        case Read::wrong:
            return {{}, "is not a number of seconds, milliseconds or microseconds since 1970"};
        case Read::done:
            if (const Value moment = decimals < 0
                                         ? cut_moment_value(Value::Kind::instant, microseconds)
                                         : moment_value(Value::Kind::instant, microseconds);
                moment.kind == Value::Kind::text || microseconds >= civil_time::first_microsecond)
                return {moment};
            break;
        case Read::out_of_range:
            break;
    }
    return {{}, "is out of range for a time"};
}

Converted from_days(std::string_view text) {
    std::int64_t days = 0;
    // Of a fraction the day that it is in, as of any moment.
    const Read read = read_scaled(trimmed(text), 0, Rest::goes_down, days);
    if (read == Read::wrong) return {{}, "is not a number of days since 1970"};
    const Value day = day_value(days);
    const bool exists = days >= civil_time::first_day && days < civil_time::end_day;
    if (read == Read::out_of_range || (!exists && day.kind != Value::Kind::text))
        return {{}, "is out of range for a date"};
    return {day};
}

Converted from_time(std::string_view text, int decimals) {
    std::int64_t microseconds = 0;
    const Read read = read_scaled(trimmed(text), decimals, rest_of(decimals), microseconds);
    if (read == Read::wrong) return {{}, "is not a number of a clock's time since midnight"};
    if (read == Read::out_of_range || microseconds < 0 ||
        microseconds > civil_time::microseconds_per_day)
        return {{}, "is out of range for a time of day"};
    return {Value::of(Value::Kind::time, microseconds)};
}

Converted from_base64(std::string_view text, Scratch& scratch) {
    char* const begin = scratch.reserve(text.size());
    char* const end = schemas::read_base64(text, begin);
    scratch.shrink(end == nullptr ? begin : end);
    if (end == nullptr) return {{}, "is not base64"};
    return {{Value::Kind::bytes, {begin, static_cast<std::size_t>(end - begin)}}};
}

Converted from_hex(std::string_view text, Scratch& scratch) {
    constexpr const char* complaint = "is not hexadecimal";
    if (text.starts_with("\\x") || text.starts_with("0x")) text.remove_prefix(2);
    if (text.size() % 2 != 0) return {{}, complaint};
    char* const begin = scratch.reserve(text.size() / 2);
    char* to = begin;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_digit(text[i]);
        const int low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) return {{}, complaint};
        *to++ = static_cast<char>(high << 4 | low);
    }
    return {{Value::Kind::bytes, {begin, static_cast<std::size_t>(to - begin)}}};
}

}  // namespace

Converted convert_scaled_decimal(const Value& value, Scratch& scratch) {
    constexpr const char* complaint = "is no decimal with its scale, {\"scale\": …, \"value\": …}";
    if (value.kind != Value::Kind::json_object) return {{}, complaint};
    simdjson::dom::parser parser;
    const simdjson::padded_string padded(value.text);
    simdjson::dom::object parts;
    std::int64_t scale = 0;
    std::string_view digits;
    if (parser.parse(padded).get(parts) != simdjson::SUCCESS ||
        parts["scale"].get(scale) != simdjson::SUCCESS ||
        parts["value"].get(digits) != simdjson::SUCCESS || scale < -most_scale ||
        scale > most_scale)
        return {{}, complaint};
    return convert(digits, Conversion::decimal, static_cast<std::int32_t>(scale), scratch);
}

Value day_value(std::int64_t days) {
    if (std::ranges::find(civil_time::infinite_days, days) != civil_time::infinite_days.end())
        return {Value::Kind::text, without_end};
    if (std::ranges::find(civil_time::first_infinite_days, days) !=
        civil_time::first_infinite_days.end())
        return {Value::Kind::text, without_beginning};
    return Value::of(Value::Kind::date, days);
}

Value moment_value(Value::Kind kind, std::int64_t microseconds) {
    if (microseconds == civil_time::infinite_microsecond) return {Value::Kind::text, without_end};
    if (microseconds == civil_time::first_infinite_microsecond)
        return {Value::Kind::text, without_beginning};
    return Value::of(kind, microseconds);
}

Value cut_moment_value(Value::Kind kind, std::int64_t microseconds) {
    // The last that int64 has in nanoseconds, and the first.
    if (microseconds == INT64_MAX / 1000) return {Value::Kind::text, without_end};
    if (microseconds == INT64_MIN / 1000 - 1) return {Value::Kind::text, without_beginning};
    return Value::of(kind, microseconds);
}

Value interval_value(std::int64_t microseconds, std::uint32_t days, std::uint32_t months,
                     Scratch& scratch) {
    char* const begin = scratch.reserve(16);
    char* to = put_big_endian(begin, static_cast<std::uint64_t>(microseconds), 8);
    to = put_big_endian(to, days, 4);
    put_big_endian(to, months, 4);
    return {Value::Kind::interval, {begin, 16}};
}

Converted convert(std::string_view text, Conversion as, std::int32_t scale, Scratch& scratch) {
    switch (as) {
        case Conversion::epoch_ns:
            return from_epoch(text, -3);
        case Conversion::epoch_days:
            return from_days(text);
        case Conversion::time_ms:
            return from_time(text, 3);
        case Conversion::time_us:
            return from_time(text, 0);
        case Conversion::time_ns:
            return from_time(text, -3);
        case Conversion::decimal: {
            const Converted bytes = from_base64(text, scratch);
            if (bytes.complaint != nullptr) return bytes;
            return {Value::of_decimal(bytes.value.text, scale)};
        }
        case Conversion::epoch_s:
            return from_epoch(text, 6);
        case Conversion::epoch_ms:
            return from_epoch(text, 3);
        case Conversion::epoch_us:
            return from_epoch(text, 0);
        case Conversion::base64:
            return from_base64(text, scratch);
        case Conversion::hex:
            return from_hex(text, scratch);
        case Conversion::none:
        case Conversion::json:
        case Conversion::sha256:
        case Conversion::mask:
            break;
    }
    return {{Value::Kind::text, text}};
}

}  // namespace sluice
