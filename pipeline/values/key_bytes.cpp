#include "pipeline/values/key_bytes.h"

#include "pipeline/values/binary_copy.h"
#include "pipeline/values/utf8.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

namespace sluice {
namespace {

using binary_copy::int_at;

/// Digits behind the point that a numeric column keeps; nullopt: all.
std::optional<int> scale_of(std::int32_t typmod) {
    constexpr std::int32_t header = 4;
    if (typmod < header) return std::nullopt;
    const int scale = (typmod - header) & 0x7ff;
    return (scale ^ 1024) - 1024;  // PostgreSQL 15 has negative ones
}

/// numeric_send's form: count, weight, sign, scale (2 bytes each), digits to the base of 10,000.
const char* append_numeric(std::string& to, std::string_view bytes, std::int32_t typmod) {
    constexpr std::size_t header = 8;
    std::string_view digits = bytes.substr(header);
    while (digits.ends_with(std::string_view("\0\0", 2))) digits.remove_suffix(2);
    int weight = int_at<std::int16_t>(bytes, 2);
    while (digits.starts_with(std::string_view("\0\0", 2))) {
        digits.remove_prefix(2);
        --weight;
    }
    const auto count = static_cast<int>(digits.size() / 2);
    if (const auto scale = scale_of(typmod); scale && count > 0) {
        int behind = (count - 1 - weight) * 4;  // digits behind the point, the last group's zeros
        for (int last = int_at<std::int16_t>(digits, digits.size() - 2); last % 10 == 0; last /= 10)
            --behind;
        if (behind > *scale) return "has more digits than its column keeps";
    }
    const auto sign = int_at<std::int16_t>(bytes, 4);
    constexpr std::int16_t negative = 0x4000;
    // Zero has no sign and no weight; what is no number has nothing but its sign.
    const bool plain = sign == 0 || sign == negative;
    binary_copy::append_int(to, static_cast<std::int32_t>(4 + digits.size()));
    binary_copy::append_int(to, plain && count == 0 ? std::int16_t{0} : sign);
    binary_copy::append_int(to, static_cast<std::int16_t>(count == 0 ? 0 : weight));
    to += digits;
    return nullptr;
}

/// timestamp(2) keeps hundredths.
const char* append_moment(std::string& to, std::string_view field, std::int32_t typmod) {
    constexpr int most_digits = 6;
    std::int64_t unit = 1;
    for (int digits = typmod; digits >= 0 && digits < most_digits; ++digits) unit *= 10;
    constexpr std::size_t length = 4;
    if (int_at<std::int64_t>(field, length) % unit != 0) return "is more precise than its column";
    to += field;
    return nullptr;
}

/// varchar(2) cuts surplus spaces off; more of anything else was refused before.
std::string_view cut_to(std::string_view text, std::int32_t typmod) {
    constexpr std::int32_t header = 4;
    if (typmod < header) return text;
    auto left = typmod - header;
    const auto end = std::ranges::find_if(
        text, [&left](char c) { return utf8::begins_character(c) && left-- == 0; });
    return {text.begin(), end};
}

template <typename Float, typename Int>
void append_float(std::string& to, std::string_view field) {
    constexpr std::size_t length = 4;
    const auto value = std::bit_cast<Float>(int_at<Int>(field, length));
    if (value == 0)
        binary_copy::append_field(to, Int{0});
    else if (value != value)
        binary_copy::append_field(to, Int{-1});
    else
        to += field;
}

}  // namespace

bool can_be_key(const Column& column) {
    switch (column.type) {
        case ColumnType::json:
        case ColumnType::jsonb:
        case ColumnType::array:
        case ColumnType::other:
            return false;
        default:
            return column.deterministic;
    }
}

const char* append_key_bytes(std::string& to, std::string_view field, const Column& column) {
    constexpr std::size_t length = 4;
    std::string_view bytes = field.substr(length);
    switch (column.type) {
        case ColumnType::numeric:
            return append_numeric(to, bytes, column.typmod);
        case ColumnType::float4:
            append_float<float, std::int32_t>(to, field);
            return nullptr;
        case ColumnType::float8:
            append_float<double, std::int64_t>(to, field);
            return nullptr;
        case ColumnType::varchar:
            binary_copy::append_field(to, cut_to(bytes, column.typmod));
            return nullptr;
        case ColumnType::bpchar:
            bytes = bytes.substr(0, bytes.find_last_not_of(' ') + 1);
            binary_copy::append_field(to, bytes);
            return nullptr;
        case ColumnType::time:
        case ColumnType::timestamp:
        case ColumnType::timestamptz:
            return append_moment(to, field, column.typmod);
        default:
            to += field;
            return nullptr;
    }
}

}  // namespace sluice
