#include "pipeline/values/binary_copy.h"
#include "pipeline/values/encoder.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

namespace sluice {

namespace {

/// Newer servers read 0x1F, 0o17, 0b11 and 1_000 as numbers, older ones do not.
bool may_be_newer_notation(std::string_view text) {
    if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
    if (text.empty() || !is_digit(text[0])) return false;
    if (text.size() > 2 && text[0] == '0') {
        const char base = static_cast<char>(text[1] | 0x20);
        if (base == 'x' || base == 'o' || base == 'b') return true;
    }
    return text.find('_') != std::string_view::npos;
}

Verdict refuse_number(std::string_view text, std::string_view complaint, Judge& judge) {
    return may_be_newer_notation(text) ? Verdict::database : judge.refuse(complaint);
}

template <class Int>
Verdict encode_integer(const Value& value, const Column& column, Judge& judge, std::string& to) {
    const std::string_view text = trimmed(value.text);
    const char* from = text.data();
    const char* const end = from + text.size();
    if (text.size() > 1 && *from == '+' && is_digit(from[1])) ++from;
    Int number = 0;
    const auto [after, error] = std::from_chars(from, end, number);
    if (error == std::errc::invalid_argument || after != end) {
        return refuse_number(text, "is not an integer", judge);
    }
    if (error != std::errc()) return judge.refuse("is out of range for " + column.type_name);
    binary_copy::append_field(to, number);
    return Verdict::encoded;
}

/// What strtod() reads and from_chars() does not; the database has the last word on those.
bool may_be_exotic_float(std::string_view text) {
    if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
    if (text.empty()) return false;
    const char first = static_cast<char>(text[0] | 0x20);
    return first == 'n' || first == 'i' || may_be_newer_notation(text);
}

template <class Float, class Bits>
Verdict encode_float(const Value& value, const Column&, Judge& judge, std::string& to) {
    const std::string_view text = trimmed(value.text);
    const char* from = text.data();
    const char* const end = from + text.size();
    if (text.size() > 1 && *from == '+' && (is_digit(from[1]) || from[1] == '.')) ++from;
    Float number = 0;
    const auto [after, error] = std::from_chars(from, end, number);
    if (error == std::errc::result_out_of_range && after == end) return Verdict::database;
    if (error != std::errc() || after != end) {
        return may_be_exotic_float(text) ? Verdict::database : judge.refuse("is not a number");
    }
    if (std::isnan(number)) number = std::numeric_limits<Float>::quiet_NaN();
    // Whether a tiny number is 0 or an error is the server's own affair.
    const bool tiny = number == 0 ? text.find_first_of("123456789") != std::string_view::npos
                                  : std::fpclassify(number) == FP_SUBNORMAL;
    if (tiny) return Verdict::database;
    binary_copy::append_field(to, std::bit_cast<Bits>(number));
    return Verdict::encoded;
}

/// A numeric as text: sign, digits (without the point), where the point is, and what follows.
struct Decimal {
    bool negative = false;
    char digits[1024];
    int count = 0;
    int point = 0;  ///< so many digits stand before the point; may be negative or beyond count
    int scale = 0;  ///< digits after the point as written
};

/// Exotic: too long for us, or in a form that the database alone knows.
enum class Read { done, wrong, exotic };

/// [sign] digits [. digits] [e exponent], at least one digit.
Read read_decimal(std::string_view text, Decimal& decimal) {
    const char* at = text.data();
    const char* const end = at + text.size();
    if (at != end && (*at == '-' || *at == '+')) decimal.negative = *at++ == '-';
    bool any = false;
    bool after_point = false;
    for (; at != end; ++at) {
        if (*at == '.' && !after_point) {
            after_point = true;
            continue;
        }
        if (!is_digit(*at)) break;
        any = true;
        if (after_point) ++decimal.scale;
        if (decimal.count == 0 && *at == '0') {  // leading zeros only move the point
            if (after_point) --decimal.point;
            continue;
        }
        if (decimal.count == static_cast<int>(sizeof decimal.digits)) return Read::exotic;
        decimal.digits[decimal.count++] = static_cast<char>(*at - '0');
        if (!after_point) ++decimal.point;
    }
    if (!any) return Read::wrong;
    if (at == end) return Read::done;
    if ((*at | 0x20) != 'e') return Read::wrong;
    ++at;
    if (at != end && is_space(*at)) return Read::exotic;  // strtol() skips it
    if (end - at > 1 && *at == '+' && is_digit(at[1])) ++at;
    int exponent = 0;
    const auto [after, error] = std::from_chars(at, end, exponent);
    if (error == std::errc::result_out_of_range && after == end) return Read::exotic;
    if (error != std::errc() || after != end) return Read::wrong;
    if (exponent < -1000 || exponent > 1000) return Read::exotic;
    decimal.point += exponent;
    decimal.scale = std::max(0, decimal.scale - exponent);
    return Read::done;
}

/// Whether numeric(precision, scale) surely overflows; rounding is left to the server.
bool overflows(const Decimal& decimal, std::int32_t typmod) {
    constexpr std::int32_t header = 4;
    if (typmod < header || decimal.count == 0) return false;
    const int precision = (typmod - header) >> 16 & 0xffff;
    const int scale = (typmod - header) & 0xffff;
    if (scale > 1000) return false;  // PostgreSQL 15's negative scales
    return decimal.point > precision - scale;
}

constexpr std::int16_t sign_negative = 0x4000;
constexpr std::uint16_t sign_nan = 0xc000;

/// numeric_recv's form: count, weight, sign and scale, then digits to the base of 10,000.
void append_decimal(const Decimal& decimal, std::string& to) {
    std::int16_t groups[sizeof decimal.digits / 4 + 2];
    int count = 0;
    int weight = 0;
    if (decimal.count > 0) {
        const int leading = decimal.point - 1;  // the first digit's power of ten
        weight = leading >= 0 ? leading / 4 : -((3 - leading) / 4);
        int in_group = leading - weight * 4 + 1;  // 1 to 4 digits of the first group
        for (int next = 0; next < decimal.count;) {
            int group = 0;
            for (int i = 0; i < in_group; ++i, ++next) {
                group = group * 10 + (next < decimal.count ? decimal.digits[next] : 0);
            }
            groups[count++] = static_cast<std::int16_t>(group);
            in_group = 4;
        }
        while (groups[count - 1] == 0) --count;
    }
    using binary_copy::append_int;
    append_int(to, static_cast<std::int32_t>(8 + 2 * count));
    append_int(to, static_cast<std::int16_t>(count));
    append_int(to, static_cast<std::int16_t>(weight));
    append_int(to, decimal.negative && count > 0 ? sign_negative : std::int16_t{0});
    append_int(to, static_cast<std::int16_t>(decimal.scale));
    for (int i = 0; i < count; ++i) append_int(to, groups[i]);
}

void append_nan(std::string& to) {
    using binary_copy::append_int;
    append_int(to, std::int32_t{8});
    append_int(to, std::int16_t{0});
    append_int(to, std::int16_t{0});
    append_int(to, static_cast<std::int16_t>(sign_nan));
    append_int(to, std::int16_t{0});
}

}  // namespace

Verdict encode_int2(const Value& value, const Column& column, Judge& judge, std::string& to) {
    return encode_integer<std::int16_t>(value, column, judge, to);
}

Verdict encode_int4(const Value& value, const Column& column, Judge& judge, std::string& to) {
    return encode_integer<std::int32_t>(value, column, judge, to);
}

Verdict encode_int8(const Value& value, const Column& column, Judge& judge, std::string& to) {
    return encode_integer<std::int64_t>(value, column, judge, to);
}

Verdict encode_float4(const Value& value, const Column& column, Judge& judge, std::string& to) {
    return encode_float<float, std::uint32_t>(value, column, judge, to);
}

Verdict encode_float8(const Value& value, const Column& column, Judge& judge, std::string& to) {
    return encode_float<double, std::uint64_t>(value, column, judge, to);
}

Verdict encode_numeric(const Value& value, const Column& column, Judge& judge, std::string& to) {
    const std::string_view text = trimmed(value.text);
    Decimal decimal;
    switch (read_decimal(text, decimal)) {
        case Read::exotic:
            return Verdict::database;
        case Read::done:
            break;
        case Read::wrong:
            if (equals_ignoring_case(text, "nan")) {
                append_nan(to);
                return Verdict::encoded;
            }
            // Infinity came with PostgreSQL 14.
            return text.find_first_of("iI") < 2 ? Verdict::database
                                                : refuse_number(text, "is not numeric", judge);
    }
    if (overflows(decimal, column.typmod)) {
        return judge.refuse("has too many digits for " + column.type_name);
    }
    append_decimal(decimal, to);
    return Verdict::encoded;
}

}  // namespace sluice
