#include "pipeline/values/conversion.h"

#include "config/characters.h"
#include "pipeline/values/civil_time.h"

#include <algorithm>
#include <charconv>

namespace sluice {

namespace {

using config::Conversion;

enum class Read { done, wrong, out_of_range };

/// [-]digits[.digits][e[sign]digits] times 10 to the power of `decimals`, rounded to a whole
/// number: exactly, as its text says.
Read read_scaled(std::string_view text, int decimals, std::int64_t& result) {
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
    std::size_t digits = 0;
    for (std::size_t i = 0; i < number.size(); ++i) {
        if (i == whole) continue;
        if (!is_digit(number[i])) return Read::wrong;
        const int digit = number[i] - '0';
        ++digits;
        if (left > 0) {
            overflow |= __builtin_mul_overflow(magnitude, 10, &magnitude);
            overflow |= __builtin_add_overflow(magnitude, digit, &magnitude);
        } else if (left == 0 && digit >= 5) {
            overflow |= __builtin_add_overflow(magnitude, 1, &magnitude);
        }
        --left;
    }
    if (digits == 0) return Read::wrong;
    for (; left > 0 && magnitude != 0 && !overflow; --left) {
        overflow |= __builtin_mul_overflow(magnitude, 10, &magnitude);
    }
    result = negative ? -magnitude : magnitude;
    return overflow ? Read::out_of_range : Read::done;
}

Converted from_epoch(std::string_view text, int decimals) {
    std::int64_t microseconds = 0;
    switch (read_scaled(trimmed(text), decimals, microseconds)) {
        case Read::wrong:
            return {{}, "is not a number of seconds, milliseconds or microseconds since 1970"};
        case Read::done:
            if (microseconds >= civil_time::first_microsecond) {
                return {Value::of(Value::Kind::instant, microseconds)};
            }
            break;
        case Read::out_of_range:
            break;
    }
    return {{}, "is out of range for a time"};
}

Converted from_days(std::string_view text) {
    std::int64_t days = 0;
    const Read read = read_scaled(trimmed(text), 0, days);
    if (read == Read::wrong) return {{}, "is not a number of days since 1970"};
    if (read == Read::out_of_range || days < civil_time::first_day || days >= civil_time::end_day)
        return {{}, "is out of range for a date"};
    return {Value::of(Value::Kind::date, days)};
}

Converted from_time(std::string_view text, int decimals) {
    std::int64_t microseconds = 0;
    const Read read = read_scaled(trimmed(text), decimals, microseconds);
    if (read == Read::wrong) return {{}, "is not a number of a clock's time since midnight"};
    if (read == Read::out_of_range || microseconds < 0 ||
        microseconds > civil_time::microseconds_per_day)
        return {{}, "is out of range for a time of day"};
    return {Value::of(Value::Kind::time, microseconds)};
}

int base64_digit(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (is_digit(c)) return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return -1;
}

/// The standard and the URL alphabet, padding optional.
Converted from_base64(std::string_view text, Scratch& scratch) {
    constexpr const char* complaint = "is not base64";
    if (text.size() % 4 == 0) {
        for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
    }
    if (text.size() % 4 == 1) return {{}, complaint};
    char* const begin = scratch.reserve(text.size());
    char* to = begin;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const int digit = base64_digit(c);
        if (digit < 0) return {{}, complaint};
        bits = (bits << 6 | static_cast<std::uint32_t>(digit)) & 0xffffff;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        *to++ = static_cast<char>(bits >> count & 0xff);
    }
    scratch.shrink(to);
    return {{Value::Kind::bytes, {begin, static_cast<std::size_t>(to - begin)}}};
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

char* put_big_endian(char* to, std::uint64_t number, int size) {
    for (int i = size - 1; i >= 0; --i, number >>= 8) to[i] = static_cast<char>(number & 0xff);
    return to + size;
}

}  // namespace

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
            break;
    }
    return {{Value::Kind::text, text}};
}

}  // namespace sluice
