#include "pipeline/values/order_bytes.h"

#include "pipeline/values/binary_copy.h"

#include <bit>
#include <cstdint>
#include <limits>

namespace sluice {
namespace {

using binary_copy::int_at;

/// Eight bytes, whatever the column's width: an int that becomes a bigint keeps its place.
void append_integer(std::string& to, std::int64_t value) {
    const auto biased = static_cast<std::uint64_t>(value) ^ (std::uint64_t{1} << 63);
    binary_copy::append_int(to, static_cast<std::int64_t>(biased));
}

/// Zero has one form, and NaN, which is the greatest, has its sign bit set.
void append_real(std::string& to, double value) {
    constexpr std::uint64_t sign = std::uint64_t{1} << 63;
    auto bits = std::bit_cast<std::uint64_t>(value);
    if (value != value)
        bits = std::numeric_limits<std::uint64_t>::max();
    else
        bits = (bits & sign) != 0 ? ~bits : bits | sign;
    binary_copy::append_int(to, static_cast<std::int64_t>(bits));
}

/// Sign (2 bytes), weight (2), digits to the base of 10,000 (2 each), none of them needless.
void append_numeric(std::string& to, std::string_view bytes) {
    enum class Class : char { minus_infinity, negative, zero, positive, infinity, nan };
    constexpr std::int16_t negative = 0x4000;
    const auto sign = int_at<std::int16_t>(bytes, 0);
    const std::string_view digits = bytes.substr(4);
    const auto class_of = [&] {
        if (sign == 0 || sign == negative) {
            if (digits.empty()) return Class::zero;
            return sign == negative ? Class::negative : Class::positive;
        }
        constexpr auto infinity = static_cast<std::int16_t>(0xD000);
        constexpr auto minus_infinity = static_cast<std::int16_t>(0xF000);
        if (sign == infinity) return Class::infinity;
        return sign == minus_infinity ? Class::minus_infinity : Class::nan;
    };
    const Class its = class_of();
    to += static_cast<char>(its);
    if (its != Class::negative && its != Class::positive) return;
    // Of negative numbers all is turned round; what ends sooner is then the greater one, so its
    // end is a digit greater than any.
    const std::uint16_t turn = its == Class::negative ? 0xffff : 0;
    const auto append = [&](std::uint16_t value) {
        binary_copy::append_int(to, static_cast<std::int16_t>(value ^ turn));
    };
    constexpr std::uint16_t bias = 0x8000;
    append(static_cast<std::uint16_t>(int_at<std::int16_t>(bytes, 2)) ^ bias);
    for (std::size_t at = 0; at < digits.size(); at += 2)
        append(static_cast<std::uint16_t>(int_at<std::int16_t>(digits, at) + 1));
    append(0);
}

}  // namespace

bool can_order(const Column& column) {
    switch (column.type) {
        case ColumnType::int2:
        case ColumnType::int4:
        case ColumnType::int8:
        case ColumnType::float4:
        case ColumnType::float8:
        case ColumnType::numeric:
        case ColumnType::uuid:
        case ColumnType::date:
        case ColumnType::timestamp:
        case ColumnType::timestamptz:
            return true;
        default:
            return false;
    }
}

void append_order_bytes(std::string& to, std::string_view key_bytes, const Column& column) {
    const std::string_view bytes = key_bytes.substr(sizeof(std::int32_t));
    switch (column.type) {
        case ColumnType::int2:
            return append_integer(to, int_at<std::int16_t>(bytes, 0));
        case ColumnType::int4:
        case ColumnType::date:
            return append_integer(to, int_at<std::int32_t>(bytes, 0));
        case ColumnType::float4:
            return append_real(to, std::bit_cast<float>(int_at<std::int32_t>(bytes, 0)));
        case ColumnType::float8:
            return append_real(to, std::bit_cast<double>(int_at<std::int64_t>(bytes, 0)));
        case ColumnType::numeric:
            return append_numeric(to, bytes);
        case ColumnType::uuid:
            to += bytes;
            return;
        default:
            return append_integer(to, int_at<std::int64_t>(bytes, 0));
    }
}

}  // namespace sluice
