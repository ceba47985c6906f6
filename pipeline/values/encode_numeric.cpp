#include "pipeline/values/binary_copy.h"
#include "pipeline/values/numeric.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace sluice {

namespace {

/// Digits that numeric(precision, scale) has room for before the point; nullopt: no such limit.
std::optional<int> room_before_point(std::int32_t typmod) {
    constexpr std::int32_t header = 4;
    if (typmod < header) return std::nullopt;
    const int precision = (typmod - header) >> 16 & 0xffff;
    const int scale = (typmod - header) & 0xffff;
    if (scale > 1000) return std::nullopt;  // PostgreSQL 15's negative scales
    return precision - scale;
}

/// Whether it surely does; rounding is left to the server.
bool overflows(const Decimal& decimal, std::int32_t typmod) {
    const std::optional<int> room = room_before_point(typmod);
    return room && !decimal.digits.empty() && decimal.point > *room;
}

/// Whether it surely does not.
bool fits(const PlainDecimal& plain, std::int32_t typmod) {
    const std::optional<int> room = room_before_point(typmod);
    if (!room) return true;
    const int most_digits = *room + static_cast<int>(plain.scale);
    if (most_digits < 0) return false;
    const auto most = static_cast<std::size_t>(most_digits);
    return most >= powers_of_ten.size() || plain.digits < powers_of_ten[most];
}

/// The most digits before the point that a numeric has room for.
constexpr int most_whole_digits = 131072;

constexpr std::int16_t sign_negative = 0x4000;
constexpr std::uint16_t sign_nan = 0xc000;

/// numeric_recv's form: count, weight, sign and scale, then digits to the base of 10,000.
void append_decimal(const Decimal& decimal, RowBuffer& to) {
    std::string_view digits = decimal.digits;
    while (digits.ends_with('0')) digits.remove_suffix(1);
    int weight = 0;
    std::size_t first = 0;  // digits of the first group: 1 to 4
    std::size_t count = 0;
    if (!digits.empty()) {
        const int leading = decimal.point - 1;  // the first digit's power of ten
        weight = leading >= 0 ? leading / 4 : -((3 - leading) / 4);
        first = static_cast<std::size_t>(leading - weight * 4 + 1);
        count = digits.size() <= first ? 1 : 1 + (digits.size() - first + 3) / 4;
    }
    using binary_copy::append_int;
    append_int(to, static_cast<std::int32_t>(8 + 2 * count));
    append_int(to, static_cast<std::int16_t>(count));
    append_int(to, static_cast<std::int16_t>(weight));
    append_int(to, decimal.negative && count > 0 ? sign_negative : std::int16_t{0});
    append_int(to, static_cast<std::int16_t>(decimal.scale));
    for (std::size_t next = 0, in_group = first; next < digits.size(); in_group = 4) {
        int group = 0;
        for (std::size_t i = 0; i < in_group; ++i, ++next) {
            group = group * 10 + (next < digits.size() ? digits[next] - '0' : 0);
        }
        append_int(to, static_cast<std::int16_t>(group));
    }
}

/// The same, of few digits.
void append_plain(const PlainDecimal& plain, RowBuffer& to) {
    constexpr std::size_t base = 10000;
    constexpr std::size_t header = 12;
    constexpr std::size_t most_groups = 5;
    const std::size_t behind_point = (plain.scale + 3) / 4;  // groups
    std::uint64_t rest = plain.digits * powers_of_ten[behind_point * 4 - plain.scale];
    std::size_t weight = 0;  // of the last group that is not 0
    for (; rest != 0 && rest % base == 0; rest /= base) ++weight;

    std::array<char, header + most_groups * 2> field;
    char* begin = field.data() + field.size();
    const auto prepend = [&begin](auto number) {
        const auto bytes = binary_copy::big_endian(number);
        begin -= sizeof bytes;
        std::memcpy(begin, &bytes, sizeof bytes);
    };
    std::size_t count = 0;
    for (; rest != 0; rest /= base, ++count) prepend(static_cast<std::int16_t>(rest % base));
    weight = count == 0 ? 0 : weight + count - 1 - behind_point;
    prepend(static_cast<std::int16_t>(plain.scale));
    prepend(plain.negative && count > 0 ? sign_negative : std::int16_t{0});
    prepend(static_cast<std::int16_t>(weight));
    prepend(static_cast<std::int16_t>(count));
    prepend(static_cast<std::int32_t>(8 + 2 * count));
    to.append(begin, header + 2 * count);
}

void append_nan(RowBuffer& to) {
    using binary_copy::append_int;
    append_int(to, std::int32_t{8});
    append_int(to, std::int16_t{0});
    append_int(to, std::int16_t{0});
    append_int(to, static_cast<std::int16_t>(sign_nan));
    append_int(to, std::int16_t{0});
}

}  // namespace

ReadDecimal read_decimal(std::string_view text, Digits& digits, Decimal& decimal) {
    const char* at = text.data();
    const char* const end = at + text.size();
    if (at != end && (*at == '-' || *at == '+')) decimal.negative = *at++ == '-';
    std::size_t count = 0;
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
        if (count == 0 && *at == '0') {  // leading zeros only move the point
            if (after_point) --decimal.point;
            continue;
        }
        if (count == digits.size()) return ReadDecimal::exotic;
        digits[count++] = *at;
        if (!after_point) ++decimal.point;
    }
    decimal.digits = {digits.data(), count};
    if (!any) return ReadDecimal::wrong;
    if (at == end) return ReadDecimal::done;
    if ((*at | 0x20) != 'e') return ReadDecimal::wrong;
    ++at;
    if (at != end && is_space(*at)) return ReadDecimal::exotic;  // strtol() skips it
    if (end - at > 1 && *at == '+' && is_digit(at[1])) ++at;
    int exponent = 0;
    const auto [after, error] = std::from_chars(at, end, exponent);
    if (error == std::errc::result_out_of_range && after == end) return ReadDecimal::exotic;
    if (error != std::errc() || after != end) return ReadDecimal::wrong;
    if (exponent < -1000 || exponent > 1000) return ReadDecimal::exotic;
    decimal.point += exponent;
    decimal.scale = std::max(0, decimal.scale - exponent);
    return ReadDecimal::done;
}

std::optional<PlainDecimal> read_plain_decimal(std::string_view text) {
    PlainDecimal plain;
    plain.negative = text.starts_with('-');
    if (plain.negative) text.remove_prefix(1);
    if (text.size() > 19) return std::nullopt;  // as many digits always fit
    const char* const end = text.data() + text.size();
    const char* fraction = nullptr;
    for (const char* at = text.data(); at != end; ++at) {
        const auto digit = static_cast<unsigned char>(*at - '0');
        if (digit <= 9) {
            plain.digits = plain.digits * 10 + digit;
        } else if (*at == '.' && fraction == nullptr) {
            fraction = at + 1;
        } else {
            return std::nullopt;
        }
    }
    if (fraction != nullptr) plain.scale = static_cast<std::size_t>(end - fraction);
    if (text.size() == (fraction != nullptr ? 1 : 0)) return std::nullopt;  // no digit
    return plain;
}

std::strong_ordering compare(const Decimal& left, const Decimal& right) {
    const auto sign = [](const Decimal& of) {
        const bool is_zero = of.digits.find_first_not_of('0') == std::string_view::npos;
        return is_zero ? 0 : of.negative ? -1 : 1;
    };
    const int sign_of_left = sign(left);
    if (const auto order = sign_of_left <=> sign(right); order != 0 || sign_of_left == 0) {
        return order;
    }
    const auto of_amounts = [&] {
        if (left.point != right.point) return left.point <=> right.point;
        const std::size_t common = std::max(left.digits.size(), right.digits.size());
        for (std::size_t i = 0; i < common; ++i) {
            const char of_left = i < left.digits.size() ? left.digits[i] : '0';
            const char of_right = i < right.digits.size() ? right.digits[i] : '0';
            if (of_left != of_right) return of_left <=> of_right;
        }
        return std::strong_ordering::equal;
    }();
    return sign_of_left > 0 ? of_amounts : 0 <=> of_amounts;
}

Verdict encode_decimal(const Decimal& decimal, const Column& column, Encoding& encoding,
                       RowBuffer& to) {
    if (overflows(decimal, column.typmod)) {
        return encoding.refuse("has too many digits for " + column.type_name);
    }
    // The server rounds first and has its own words for what is still too much.
    if (decimal.scale > most_scale || decimal.point > most_whole_digits) return Verdict::database;
    append_decimal(decimal, to);
    return Verdict::encoded;
}

Verdict encode_numeric(const Value& value, const Column& column, Encoding& encoding,
                       RowBuffer& to) {
    const auto plain = read_plain_decimal(value.text);
    constexpr std::uint64_t most_plain = 10'000'000'000'000'000;  // 1,000 of them fit
    if (plain && plain->digits <= most_plain && fits(*plain, column.typmod)) {
        append_plain(*plain, to);
        return Verdict::encoded;
    }
    const std::string_view text = trimmed(value.text);
    Digits digits;
    Decimal decimal;
    switch (read_decimal(text, digits, decimal)) {
        case ReadDecimal::exotic:
            return Verdict::database;
        case ReadDecimal::done:
            return encode_decimal(decimal, column, encoding, to);
        case ReadDecimal::wrong:
            break;
    }
    if (equal_ignoring_case(text, "nan")) {
        append_nan(to);
        return Verdict::encoded;
    }
    // Infinity came with PostgreSQL 14.
    return text.find_first_of("iI") < 2 ? Verdict::database
                                        : refuse_number(text, "is not numeric", encoding);
}

}  // namespace sluice
