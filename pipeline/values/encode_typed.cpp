#include "pipeline/values/binary_copy.h"
#include "pipeline/values/canonical_text.h"
#include "pipeline/values/civil_time.h"
#include "pipeline/values/numeric.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace sluice {

namespace {

using Kind = Value::Kind;

/// By the encoder of texts, which knows what the database makes of each.
Verdict encode_as_text(const Value& value, const Column& column, Encoding& encoding,
                       RowBuffer& to) {
    encoding.text.clear();
    append_canonical_text(encoding.text, value);
    return encoder_for(column)({Kind::text, encoding.text}, column, encoding, to);
}

template <class Int>
Verdict encode_integer(std::int64_t number, const Column& column, Encoding& encoding,
                       RowBuffer& to) {
    if (number < std::numeric_limits<Int>::min() || number > std::numeric_limits<Int>::max()) {
        return encoding.refuse("is out of range for " + column.type_name);
    }
    binary_copy::append_field(to, static_cast<Int>(number));
    return Verdict::encoded;
}

/// nullopt: the text decides, as rounding does on the way from one kind of number to another, and
/// the server where it is about the least of them.
template <class Float>
std::optional<Float> as_float(const Value& value) {
    if (value.kind == Kind::integer) return static_cast<Float>(value.integer);
    if (value.kind != (sizeof(Float) == 4 ? Kind::real32 : Kind::real64)) return std::nullopt;
    const auto number = static_cast<Float>(value.real);
    if (std::isnan(number)) return std::numeric_limits<Float>::quiet_NaN();
    if (std::fpclassify(number) == FP_SUBNORMAL) return std::nullopt;
    return number;
}

template <class Float, class Bits>
Verdict encode_real(const Value& value, const Column& column, Encoding& encoding, RowBuffer& to) {
    const auto number = as_float<Float>(value);
    if (!number) return encode_as_text(value, column, encoding, to);
    binary_copy::append_field(to, std::bit_cast<Bits>(*number));
    return Verdict::encoded;
}

Verdict encode_number(const Value& value, const Column& column, Encoding& encoding, RowBuffer& to) {
    encoding.text.clear();
    Decimal decimal;
    if (value.kind == Kind::decimal) {
        decimal.negative = append_digits(encoding.text, value.text);
        decimal.scale = std::max(value.scale, 0);
    } else if (value.kind == Kind::integer) {
        append_canonical_text(encoding.text, value);
        decimal.negative = value.integer < 0;
    } else {
        return encode_as_text(value, column, encoding, to);
    }
    decimal.digits = encoding.text;
    if (value.kind == Kind::integer) {
        if (decimal.negative) decimal.digits.remove_prefix(1);
        if (value.integer == 0) decimal.digits = {};
    }
    const std::int64_t point = static_cast<std::int64_t>(decimal.digits.size()) -
                               (value.kind == Kind::decimal ? value.scale : 0);
    constexpr int far = std::numeric_limits<int>::max() / 2;
    decimal.point = static_cast<int>(std::clamp<std::int64_t>(point, -far, far));
    return encode_decimal(decimal, column, encoding, to);
}

std::int64_t floor_of_days(std::int64_t microseconds) {
    const std::int64_t days = microseconds / civil_time::microseconds_per_day;
    return days - (microseconds % civil_time::microseconds_per_day < 0 ? 1 : 0);
}

Verdict encode_day(const Value& value, const Column& column, Encoding& encoding, RowBuffer& to) {
    std::int64_t days = value.integer;
    if (value.kind == Kind::timestamp || value.kind == Kind::instant) {
        days = floor_of_days(value.integer);
    } else if (value.kind != Kind::date) {
        return encode_as_text(value, column, encoding, to);
    }
    if (days < civil_time::first_day || days >= civil_time::end_day) {
        return encoding.refuse("is out of range for a date");
    }
    binary_copy::append_field(to,
                              static_cast<std::int32_t>(days - civil_time::database_epoch_days));
    return Verdict::encoded;
}

Verdict encode_clock(const Value& value, const Column& column, Encoding& encoding, RowBuffer& to) {
    if (value.kind != Kind::time) return encode_as_text(value, column, encoding, to);
    if (value.integer < 0 || value.integer > civil_time::microseconds_per_day) {
        return encoding.refuse("is out of range for a time");
    }
    binary_copy::append_field(to, value.integer);
    return Verdict::encoded;
}

/// Of a timestamp with a zone or without one: `is_exact` says whether the value is of that kind.
Verdict encode_moment(const Value& value, bool is_exact, const Column& column, Encoding& encoding,
                      RowBuffer& to) {
    std::int64_t microseconds = value.integer;
    if (value.kind == Kind::date) {
        is_exact = is_exact && !__builtin_mul_overflow(
                                   value.integer, civil_time::microseconds_per_day, &microseconds);
    }
    if (!is_exact) return encode_as_text(value, column, encoding, to);
    if (microseconds < civil_time::first_microsecond) {
        return encoding.refuse("is out of range for a timestamp");
    }
    binary_copy::append_field(
        to, microseconds - civil_time::database_epoch_days * civil_time::microseconds_per_day);
    return Verdict::encoded;
}

}  // namespace

Verdict encode_typed(const Value& value, const Column& column, Encoding& encoding, RowBuffer& to) {
    const bool is_moment =
        value.kind == Kind::date || value.kind == Kind::timestamp || value.kind == Kind::instant;
    switch (column.type) {
        case ColumnType::int2:
            if (value.kind != Kind::integer) break;
            return encode_integer<std::int16_t>(value.integer, column, encoding, to);
        case ColumnType::int4:
            if (value.kind != Kind::integer) break;
            return encode_integer<std::int32_t>(value.integer, column, encoding, to);
        case ColumnType::int8:
            if (value.kind != Kind::integer) break;
            return encode_integer<std::int64_t>(value.integer, column, encoding, to);
        case ColumnType::float4:
            return encode_real<float, std::uint32_t>(value, column, encoding, to);
        case ColumnType::float8:
            return encode_real<double, std::uint64_t>(value, column, encoding, to);
        case ColumnType::numeric:
            return encode_number(value, column, encoding, to);
        case ColumnType::boolean:
            if (value.kind != Kind::boolean) break;
            binary_copy::append_field(to, static_cast<std::int8_t>(value.integer != 0));
            return Verdict::encoded;
        case ColumnType::date:
            return encode_day(value, column, encoding, to);
        case ColumnType::time:
            return encode_clock(value, column, encoding, to);
        case ColumnType::timestamp:
            return encode_moment(value, is_moment, column, encoding, to);
        case ColumnType::timestamptz:
            return encode_moment(
                value, value.kind == Kind::instant || (is_moment && encoding.session_is_utc),
                column, encoding, to);
        case ColumnType::uuid:
            if (value.kind != Kind::uuid) break;
            binary_copy::append_field(to, value.text);
            return Verdict::encoded;
        default:
            break;
    }
    return encode_as_text(value, column, encoding, to);
}

}  // namespace sluice
