#include "pipeline/values/binary_copy.h"
#include "pipeline/values/eight_characters.h"
#include "pipeline/values/encoder.h"
#include "pipeline/values/numeric.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>

namespace sluice {

/// Newer servers read 0x1F, 0o17, 0b11 and 1_000 as numbers, older ones do not.
static bool may_be_newer_notation(std::string_view text) {
    if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
    if (text.empty() || !is_digit(text[0])) return false;
    if (text.size() > 2 && text[0] == '0') {
        const char base = static_cast<char>(text[1] | 0x20);
        if (base == 'x' || base == 'o' || base == 'b') return true;
    }
    return text.find('_') != std::string_view::npos;
}

Verdict refuse_number(std::string_view text, std::string_view complaint, Encoding& encoding) {
    return may_be_newer_notation(text) ? Verdict::database : encoding.refuse(complaint);
}

namespace {

/// An integer as nearly all are written: nothing but digits, few enough to fit. Else nullopt.
[[gnu::always_inline]] inline std::optional<std::int64_t> plain_integer(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    if (text.empty() || text.size() > 19) return std::nullopt;
    std::uint64_t number = 0;  // 19 digits always fit
    const char* at = text.data();
    const char* const end = at + text.size();
    for (; end - at >= 8; at += 8) {
        const auto eight = eight_digits(at);
        if (!eight) return std::nullopt;
        number = number * 100'000'000 + *eight;
    }
    const auto left = static_cast<std::size_t>(end - at);
    if (left > 0 && text.size() >= 4) {
        // The last eight, or two reads of four that overlap; zeros in the place of what is before.
        const std::uint64_t before = ~std::uint64_t{0} >> (8 * left);
        const std::uint64_t word = text.size() >= 8
                                       ? eight_at(end - 8)
                                       : std::uint64_t{four_at(end - 4)} << 32 |
                                             std::uint64_t{four_at(at)} << (8 * (8 - left));
        const auto eight = number_of_eight((word & ~before) | (eight_zeros & before));
        if (!eight) return std::nullopt;
        number = number * powers_of_ten[left] + *eight;
        at = end;
    }
    for (; at != end; ++at) {
        const auto digit = static_cast<unsigned char>(*at - '0');
        if (digit > 9) return std::nullopt;
        number = number * 10 + digit;
    }
    if (number > INT64_MAX) return std::nullopt;
    const auto positive = static_cast<std::int64_t>(number);
    return negative ? -positive : positive;
}

template <class Int>
Verdict encode_integer(const Value& value, const Column& column, Encoding& encoding,
                       RowBuffer& to) {
    if (const auto plain = plain_integer(value.text); plain && std::in_range<Int>(*plain)) {
        binary_copy::append_field(to, static_cast<Int>(*plain));
        return Verdict::encoded;
    }
    const std::string_view text = trimmed(value.text);
    const char* from = text.data();
    const char* const end = from + text.size();
    if (text.size() > 1 && *from == '+' && is_digit(from[1])) ++from;
    Int number = 0;
    const auto [after, error] = std::from_chars(from, end, number);
    if (error == std::errc::invalid_argument || after != end) {
        return refuse_number(text, "is not an integer", encoding);
    }
    if (error != std::errc()) return encoding.refuse("is out of range for " + column.type_name);
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

/// The nearest number that there is: of two numbers without an error the quotient is just that.
template <class Float>
std::optional<Float> plain_float(std::string_view text) {
    constexpr std::uint64_t most_digits = std::uint64_t{1} << std::numeric_limits<Float>::digits;
    constexpr std::size_t longest_scale = sizeof(Float) == sizeof(float) ? 10 : 18;
    const auto plain = read_plain_decimal(text);
    if (!plain || plain->digits > most_digits || plain->scale > longest_scale) return std::nullopt;
    const auto exact = [](std::uint64_t number) {
        return static_cast<Float>(static_cast<std::int64_t>(number));
    };
    const Float number = exact(plain->digits) / exact(powers_of_ten[plain->scale]);
    return plain->negative ? -number : number;
}

template <class Float, class Bits>
Verdict encode_float(const Value& value, const Column&, Encoding& encoding, RowBuffer& to) {
    if (const auto plain = plain_float<Float>(value.text)) {
        binary_copy::append_field(to, std::bit_cast<Bits>(*plain));
        return Verdict::encoded;
    }
    const std::string_view text = trimmed(value.text);
    const char* from = text.data();
    const char* const end = from + text.size();
    if (text.size() > 1 && *from == '+' && (is_digit(from[1]) || from[1] == '.')) ++from;
    Float number = 0;
    const auto [after, error] = std::from_chars(from, end, number);
    if (error == std::errc::result_out_of_range && after == end) return Verdict::database;
    if (error != std::errc() || after != end) {
        return may_be_exotic_float(text) ? Verdict::database : encoding.refuse("is not a number");
    }
    if (std::isnan(number)) number = std::numeric_limits<Float>::quiet_NaN();
    // Whether a tiny number is 0 or an error is the server's own affair.
    const bool tiny = number == 0 ? text.find_first_of("123456789") != std::string_view::npos
                                  : std::fpclassify(number) == FP_SUBNORMAL;
    if (tiny) return Verdict::database;
    binary_copy::append_field(to, std::bit_cast<Bits>(number));
    return Verdict::encoded;
}

}  // namespace

Verdict encode_int2(const Value& value, const Column& column, Encoding& encoding, RowBuffer& to) {
    return encode_integer<std::int16_t>(value, column, encoding, to);
}

Verdict encode_int4(const Value& value, const Column& column, Encoding& encoding, RowBuffer& to) {
    return encode_integer<std::int32_t>(value, column, encoding, to);
}

Verdict encode_int8(const Value& value, const Column& column, Encoding& encoding, RowBuffer& to) {
    return encode_integer<std::int64_t>(value, column, encoding, to);
}

Verdict encode_float4(const Value& value, const Column& column, Encoding& encoding, RowBuffer& to) {
    return encode_float<float, std::uint32_t>(value, column, encoding, to);
}

Verdict encode_float8(const Value& value, const Column& column, Encoding& encoding, RowBuffer& to) {
    return encode_float<double, std::uint64_t>(value, column, encoding, to);
}

}  // namespace sluice
