#include "pipeline/decode/avro/avro_scalar.h"

#include "pipeline/values/conversion.h"
#include "pipeline/values/numeric.h"
#include "pipeline/values/utf8.h"

#include <simdjson.h>

#include <bit>
#include <limits>

namespace sluice {

namespace {

using Form = AvroScalar::Form;
using Kind = Value::Kind;
using schemas::AvroType;

static_assert(std::endian::native == std::endian::little, "Avro's floats are little-endian");

Form form_of_number(const AvroType& type) {
    const bool is_long = type.kind == AvroType::Kind::int64;
    if (type.meaning == AvroType::Meaning::interval) {
        return type.unit == AvroType::Unit::nanoseconds ? Form::nanoseconds_interval
                                                        : Form::microseconds_interval;
    }
    const bool has_unit = type.meaning == AvroType::Meaning::time ||
                          type.meaning == AvroType::Meaning::timestamp ||
                          type.meaning == AvroType::Meaning::instant;
    if (has_unit && type.unit == AvroType::Unit::milliseconds)
        return is_long ? Form::thousandfold64 : Form::thousandfold32;
    if (has_unit && type.unit == AvroType::Unit::nanoseconds) return Form::thousandth;
    return is_long ? Form::int64 : Form::int32;
}

Form form_of_fixed(const AvroType& type) {
    switch (type.meaning) {
        case AvroType::Meaning::decimal:
            return Form::fixed_decimal;
        case AvroType::Meaning::duration:
            return Form::duration;
        case AvroType::Meaning::uuid:
            return Form::uuid;
        default:
            return Form::fixed;
    }
}

Form form_of(const AvroType& type) {
    switch (type.kind) {
        case AvroType::Kind::null:
            return Form::null;
        case AvroType::Kind::boolean:
            return Form::boolean;
        case AvroType::Kind::int32:
        case AvroType::Kind::int64:
            return form_of_number(type);
        case AvroType::Kind::float32:
            return Form::float32;
        case AvroType::Kind::float64:
            return Form::float64;
        case AvroType::Kind::bytes:
            return type.meaning == AvroType::Meaning::decimal ? Form::decimal : Form::bytes;
        case AvroType::Kind::string:
            return Form::text;
        case AvroType::Kind::fixed:
            return form_of_fixed(type);
        case AvroType::Kind::enumeration:
            return Form::symbol;
        case AvroType::Kind::record:
            return type.meaning == AvroType::Meaning::scaled_decimal ? Form::scaled_decimal
                                                                     : Form::none;
        default:
            return Form::none;
    }
}

Kind kind_of(const AvroType& type) {
    switch (type.meaning) {
        case AvroType::Meaning::date:
            return Kind::date;
        case AvroType::Meaning::time:
            return Kind::time;
        case AvroType::Meaning::timestamp:
            return Kind::timestamp;
        case AvroType::Meaning::instant:
            return Kind::instant;
        default:
            return Kind::integer;
    }
}

Value text_value(std::string_view text) {
    const bool fine = utf8::is_plain(text) || (text.find('\0') == std::string_view::npos &&
                                               simdjson::validate_utf8(text.data(), text.size()));
    return {fine ? Kind::text : Kind::bytes, text};
}

std::int64_t thousandth(std::int64_t number) {
    return number / 1000 - (number % 1000 < 0 ? 1 : 0);
}

bool is_moment(Kind kind) {
    return kind == Kind::timestamp || kind == Kind::instant;
}

/// What cannot be counted in microseconds stays a bare number, which no column of time takes.
Value thousandfold(Kind kind, std::int64_t number) {
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 1000;
    if (number > most || number < -most) return Value::of(Kind::integer, number);
    return is_moment(kind) ? moment_value(kind, number * 1000) : Value::of(kind, number * 1000);
}

Value thousandth_value(Kind kind, std::int64_t number) {
    return is_moment(kind) ? cut_moment_value(kind, thousandth(number))
                           : Value::of(kind, thousandth(number));
}

bool read_interval(AvroBytes& from, std::int64_t per_microsecond, Value& to, Scratch& scratch) {
    std::int64_t number = 0;
    if (!from.read_long(number)) return false;
    to = interval_value(per_microsecond == 1 ? number : thousandth(number), 0, 0, scratch);
    return true;
}

bool read_duration(AvroBytes& from, Value& to, Scratch& scratch) {
    constexpr std::uint32_t most = std::numeric_limits<std::int32_t>::max();
    const char* const begin = from.at();
    std::uint32_t months = 0;
    std::uint32_t days = 0;
    std::uint32_t milliseconds = 0;
    if (!from.read_little_endian(months) || !from.read_little_endian(days) ||
        !from.read_little_endian(milliseconds)) {
        return false;
    }
    if (months > most || days > most)
        return from.fail_at(begin, "a duration of more months or days than an interval holds");
    to = interval_value(std::int64_t{milliseconds} * 1000, days, months, scratch);
    return true;
}

bool read_scaled_decimal(AvroBytes& from, Value& to) {
    const char* const begin = from.at();
    std::int64_t scale = 0;
    std::string_view digits;
    if (!from.read_int(scale)) return false;
    if (scale > most_scale || scale < -most_scale)
        return from.fail_at(begin, "a scale beyond what numeric has");
    if (!from.read_sized(digits)) return false;
    to = Value::of_decimal(digits, static_cast<std::int32_t>(scale));
    return true;
}

template <class Number>
bool read_real(AvroBytes& from, Kind kind, Value& to) {
    Number number = 0;
    if (!from.read_little_endian(number)) return false;
    to = Value::of_real(kind, number);
    return true;
}

}  // namespace

AvroScalar scalar_of(const AvroType& type) {
    return {form_of(type), kind_of(type), type.scale, type.size, &type.names};
}

bool read_scalar(AvroBytes& from, const AvroScalar& scalar, Value& to, Scratch& scratch) {
    std::int64_t number = 0;
    std::string_view bytes;
    std::size_t chosen = 0;
    switch (scalar.form) {
        case Form::none:
            return from.fail("not one cell");
        case Form::null:
            to = {Kind::null, {}};
            return true;
        case Form::boolean:
            if (!from.read_boolean(number)) return false;
            to = Value::of(Kind::boolean, number);
            return true;
        case Form::int32:
            if (!from.read_int(number)) return false;
            to = scalar.kind == Kind::date ? day_value(number) : Value::of(scalar.kind, number);
            return true;
        case Form::int64:
            if (!from.read_long(number)) return false;
            to = is_moment(scalar.kind) ? moment_value(scalar.kind, number)
                                        : Value::of(scalar.kind, number);
            return true;
        case Form::thousandfold32:
            if (!from.read_int(number)) return false;
            to = thousandfold(scalar.kind, number);
            return true;
        case Form::thousandfold64:
            if (!from.read_long(number)) return false;
            to = thousandfold(scalar.kind, number);
            return true;
        case Form::thousandth:
            if (!from.read_long(number)) return false;
            to = thousandth_value(scalar.kind, number);
            return true;
        case Form::microseconds_interval:
            return read_interval(from, 1, to, scratch);
        case Form::nanoseconds_interval:
            return read_interval(from, 1000, to, scratch);
        case Form::float32:
            return read_real<float>(from, Kind::real32, to);
        case Form::float64:
            return read_real<double>(from, Kind::real64, to);
        case Form::text:
            if (!from.read_sized(bytes)) return false;
            to = text_value(bytes);
            return true;
        case Form::bytes:
            if (!from.read_sized(bytes)) return false;
            to = {Kind::bytes, bytes};
            return true;
        case Form::fixed:
            if (!from.read(scalar.size, bytes)) return false;
            to = {Kind::bytes, bytes};
            return true;
        case Form::decimal:
            if (!from.read_sized(bytes)) return false;
            to = Value::of_decimal(bytes, scalar.scale);
            return true;
        case Form::fixed_decimal:
            if (!from.read(scalar.size, bytes)) return false;
            to = Value::of_decimal(bytes, scalar.scale);
            return true;
        case Form::scaled_decimal:
            return read_scaled_decimal(from, to);
        case Form::duration:
            return read_duration(from, to, scratch);
        case Form::uuid:
            if (!from.read(16, bytes)) return false;
            to = {Kind::uuid, bytes};
            return true;
        case Form::symbol:
            if (!from.read_choice(scalar.symbols->size(), chosen, "a symbol that its enum lacks"))
                return false;
            to = {Kind::text, (*scalar.symbols)[chosen]};
            return true;
    }
    return false;
}

}  // namespace sluice
