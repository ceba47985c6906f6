#include "pipeline/encode/read_values.h"

#include "config/text/characters.h"
#include "pipeline/values/civil_time.h"
#include "pipeline/values/conversion.h"
#include "pipeline/values/numeric.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <vector>

namespace sluice::encode {

namespace {

using NodeKind = JsonNode::Kind;
using civil_time::Reading;

constexpr Complaint no_number = "is not a number";
constexpr Complaint too_large = "is out of range";

bool is_text(const JsonNode& node) {
    return node.kind == NodeKind::string;
}
bool may_be_number(const JsonNode& node) {
    return node.kind == NodeKind::number || is_text(node);
}

/// Digits without zeros at either end, and the power of ten that they are to be taken times.
struct WrittenNumber {
    bool negative = false;
    std::string_view digits;
    int power = 0;
    int scale = 0;  ///< digits behind the point, as written
};

bool is_zero(std::string_view number) {
    return number.substr(0, number.find_first_of("eE")).find_first_not_of("+-.0") ==
           std::string_view::npos;
}

Complaint take_apart(const JsonNode& node, Digits& digits, WrittenNumber& to) {
    if (!may_be_number(node)) return no_number;
    const std::string_view text = trimmed(node.text);
    Decimal decimal;
    switch (sluice::read_decimal(text, digits, decimal)) {
        case ReadDecimal::wrong:
            return no_number;
        case ReadDecimal::exotic:
            if (is_zero(text)) return nullptr;  // times any power of ten
            return "has more digits than are supported";
        case ReadDecimal::done:
            break;
    }
    to = {decimal.negative, decimal.digits, 0, decimal.scale};
    while (to.digits.ends_with('0')) to.digits.remove_suffix(1);
    to.power = decimal.point - static_cast<int>(to.digits.size());
    if (to.digits.empty()) to.power = 0;
    return nullptr;
}

Complaint read_whole(const JsonNode& node, bool& negative, std::uint64_t& magnitude) {
    Digits digits;
    WrittenNumber number;
    if (const Complaint wrong = take_apart(node, digits, number)) return wrong;
    if (number.power < 0) return "is not a whole number";
    negative = number.negative;
    magnitude = 0;
    const auto append = [&magnitude](int digit) {
        return !__builtin_mul_overflow(magnitude, 10, &magnitude) &&
               !__builtin_add_overflow(magnitude, digit, &magnitude);
    };
    for (const char digit : number.digits)
        if (!append(digit - '0')) return too_large;
    for (int i = 0; i < number.power; ++i)
        if (!append(0)) return too_large;
    return nullptr;
}

/// Appends a number, in decimal digits and zeros behind them, as two's complement.
void append_twos_complement(std::string_view digits, int zeros, bool negative, std::string& to) {
    std::vector<std::uint32_t> limbs;  // to the base of 2^32, the least significant first
    const auto append_digit = [&limbs](int digit) {
        std::uint64_t carry = static_cast<std::uint64_t>(digit);
        for (std::uint32_t& limb : limbs) {
            carry += std::uint64_t{limb} * 10;
            limb = static_cast<std::uint32_t>(carry);
            carry >>= 32;
        }
        if (carry != 0) limbs.push_back(static_cast<std::uint32_t>(carry));
    };
    for (const char digit : digits) append_digit(digit - '0');
    for (int i = 0; i < zeros; ++i) append_digit(0);
    limbs.push_back(0);  // room for the sign
    bool carries = negative;
    for (std::uint32_t& limb : limbs) {
        if (negative) limb = ~limb;
        if (carries) carries = ++limb == 0;
    }
    std::string bytes;
    for (auto limb = limbs.rbegin(); limb != limbs.rend(); ++limb)
        for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(*limb >> shift);
    const char sign = negative && !digits.empty() ? '\xff' : '\0';
    std::size_t first = 0;
    while (first + 1 < bytes.size() && bytes[first] == sign &&
           (bytes[first + 1] & 0x80) == (sign & 0x80))
        ++first;
    to.append(bytes, first);
}

std::int64_t microseconds_of(const Reading& reading) {
    return (std::int64_t{reading.days} + civil_time::database_epoch_days) *
               civil_time::microseconds_per_day +
           reading.microseconds - reading.zone_seconds * civil_time::microseconds_per_second;
}

/// "3 days", "-1 mon": what stands before the clock's time.
Complaint add_unit(std::int64_t number, std::string_view unit, Interval& to) {
    if (unit == "day" || unit == "days") {
        to.days += number;
    } else if (unit == "mon" || unit == "mons" || unit == "month" || unit == "months") {
        to.months += number;
    } else if (unit == "year" || unit == "years") {
        to.months += 12 * number;
    } else {
        return "is not an interval such as 1 mon 2 days 03:04:05";
    }
    return nullptr;
}

bool read_count(std::string_view text, std::int64_t& to) {
    constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
    return error == std::errc() && end == text.data() + text.size() && !text.empty() &&
           to <= most && to >= -most;
}

/// Hours may be any number, unlike those of a day's time.
bool add_clock(std::string_view text, Interval& to) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    const std::size_t colon = text.find(':');
    std::int64_t hours = 0;
    if (colon == 0 || !is_digit(text[0]) || !read_count(text.substr(0, colon), hours)) return false;
    const Reading rest = civil_time::read_time("00" + std::string(text.substr(colon)));
    if (rest.outcome != Reading::Outcome::exact) return false;
    const std::int64_t all = hours * 3600 * civil_time::microseconds_per_second + rest.microseconds;
    to.microseconds += negative ? -all : all;
    return true;
}

}  // namespace

Complaint read_boolean(const JsonNode& node, bool& to) {
    const bool yes = node.text == "true" || (is_text(node) && node.text == "t");
    const bool no = node.text == "false" || (is_text(node) && node.text == "f");
    if ((node.kind != NodeKind::boolean && !is_text(node)) || (!yes && !no))
        return "is not a boolean";
    to = yes;
    return nullptr;
}

Complaint read_integer(const JsonNode& node, std::int64_t& to) {
    bool negative = false;
    std::uint64_t magnitude = 0;
    if (const Complaint wrong = read_whole(node, negative, magnitude)) return wrong;
    constexpr std::uint64_t beyond = std::uint64_t{1} << 63;
    if (negative ? magnitude > beyond : magnitude >= beyond) return too_large;
    to = static_cast<std::int64_t>(negative ? -magnitude : magnitude);
    return nullptr;
}

Complaint read_unsigned(const JsonNode& node, std::uint64_t& to) {
    bool negative = false;
    if (const Complaint wrong = read_whole(node, negative, to)) return wrong;
    return negative && to != 0 ? too_large : nullptr;
}

Complaint read_real(const JsonNode& node, double& to) {
    if (!may_be_number(node)) return no_number;
    if (is_text(node) && node.text == "NaN") {
        to = std::numeric_limits<double>::quiet_NaN();
        return nullptr;
    }
    if (is_text(node) && (node.text == "Infinity" || node.text == "-Infinity")) {
        to = std::numeric_limits<double>::infinity() * (node.text[0] == '-' ? -1 : 1);
        return nullptr;
    }
    const std::string_view text = trimmed(node.text);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
    if (end != text.data() + text.size()) return no_number;
    if (error == std::errc::result_out_of_range) {  // or as good as zero, which it does not tell
        to = std::strtod(std::string(text).c_str(), nullptr);
        return std::isinf(to) ? too_large : nullptr;
    }
    return error == std::errc() && std::isfinite(to) ? nullptr : no_number;
}

Complaint read_real(const JsonNode& node, float& to) {
    double wide = 0;
    if (const Complaint wrong = read_real(node, wide)) return wrong;
    to = static_cast<float>(wide);
    return std::isinf(to) && !std::isinf(wide) ? too_large : nullptr;
}

Complaint read_decimal(const JsonNode& node, std::int32_t scale, std::int32_t precision,
                       std::string& to) {
    Digits digits;
    WrittenNumber number;
    if (const Complaint wrong = take_apart(node, digits, number)) return wrong;
    const int zeros = number.digits.empty() ? 0 : number.power + scale;
    if (zeros < 0) return "has more digits behind its point than the schema has";
    if (precision > 0 && static_cast<int>(number.digits.size()) + zeros > precision)
        return "has more digits than the schema has";
    append_twos_complement(number.digits, zeros, number.negative, to);
    return nullptr;
}

Complaint read_scaled_decimal(const JsonNode& node, std::int32_t& scale, std::string& to) {
    Digits digits;
    WrittenNumber number;
    if (const Complaint wrong = take_apart(node, digits, number)) return wrong;
    scale = number.scale;
    append_twos_complement(number.digits, number.digits.empty() ? 0 : number.power + scale,
                           number.negative, to);
    return nullptr;
}

Complaint read_bytes(const JsonNode& node, OtherBytes other, Scratch& memory,
                     std::string_view& to) {
    if (!is_text(node)) return "is not a string of bytes";
    const bool is_hex = node.text.starts_with("\\x");
    if (!is_hex && other == OtherBytes::its_own) {
        to = node.text;
        return nullptr;
    }
    const Converted bytes =
        convert(is_hex ? node.text.substr(2) : node.text,
                is_hex ? config::Conversion::hex : config::Conversion::base64, 0, memory);
    to = bytes.value.text;
    return bytes.complaint;
}

Complaint read_uuid(const JsonNode& node, std::array<char, 16>& to) {
    std::size_t digits = 0;
    for (const char c : is_text(node) ? node.text : std::string_view()) {
        if (c == '-') continue;
        const int digit = hex_digit(c);
        if (digit < 0 || digits == 32) return "is not a UUID";
        char& byte = to[digits / 2];
        byte = static_cast<char>(digits % 2 == 0 ? digit << 4 : byte | digit);
        ++digits;
    }
    return digits == 32 ? nullptr : "is not a UUID";
}

Complaint read_date(const JsonNode& node, std::int64_t& to) {
    if (node.kind == NodeKind::number) return read_integer(node, to);
    const Reading date = is_text(node) ? civil_time::read_date_time(trimmed(node.text)) : Reading{};
    if (date.outcome != Reading::Outcome::exact || date.microseconds != 0 || date.has_zone)
        return "is not a date such as 2026-01-31";
    to = std::int64_t{date.days} + civil_time::database_epoch_days;
    return nullptr;
}

Complaint read_clock(const JsonNode& node, Moment& to) {
    to.is_number = node.kind == NodeKind::number;
    if (to.is_number) return read_integer(node, to.value);
    const Reading time = is_text(node) ? civil_time::read_time(trimmed(node.text)) : Reading{};
    if (time.outcome != Reading::Outcome::exact) return "is not a time such as 12:30:00";
    to.value = time.microseconds;
    return nullptr;
}

Complaint read_instant(const JsonNode& node, Moment& to) {
    to.is_number = node.kind == NodeKind::number;
    if (to.is_number) return read_integer(node, to.value);
    const Reading time = is_text(node) ? civil_time::read_date_time(trimmed(node.text)) : Reading{};
    if (time.outcome != Reading::Outcome::exact)
        return "is not a time such as 2026-01-31T12:30:00Z";
    to.value = microseconds_of(time);
    return nullptr;
}

Complaint read_interval(const JsonNode& node, Interval& to) {
    constexpr Complaint no_interval = "is not an interval such as 1 mon 2 days 03:04:05";
    std::string_view rest = is_text(node) ? trimmed(node.text) : std::string_view();
    if (rest.empty()) return no_interval;
    const auto take_word = [&rest] {
        const std::string_view word = rest.substr(0, rest.find(' '));
        rest = trimmed(rest.substr(word.size()));
        return word;
    };
    while (!rest.empty()) {
        const std::string_view word = take_word();
        std::int64_t number = 0;
        if (word.find(':') != std::string_view::npos) {
            if (!add_clock(word, to)) return no_interval;
        } else if (!read_count(word, number)) {
            return no_interval;
        } else if (const Complaint wrong = add_unit(number, take_word(), to)) {
            return wrong;
        }
    }
    return nullptr;
}

}  // namespace sluice::encode
