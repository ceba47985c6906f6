#include "pipeline/decode/envelope/envelope_values.h"

#include "pipeline/values/canonical_text.h"
#include "pipeline/values/conversion.h"
#include "pipeline/values/hex.h"
#include "pipeline/values/json_text.h"

#include <charconv>

namespace sluice {
namespace {

using config::Conversion;
using TypeForm = EnvelopeType::Form;
using Kind = Value::Kind;

void read_interval(std::string_view text, TypeForm form, Value& value, Scratch& scratch) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return;
    // Downwards, as Avro's are.
    if (form == TypeForm::nanoseconds_interval)
        number = number / 1000 - (number % 1000 < 0 ? 1 : 0);
    value = interval_value(number, 0, 0, scratch);
}

/// Beyond all dates it is one for its column to refuse.
void read_days(std::string_view text, Value& value) {
    std::int32_t days = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), days);
    if (error == std::errc() && end == text.data() + text.size()) value = day_value(days);
}

/// Of a value that stands alone.
void read_one(const EnvelopeType& type, Value& value, Scratch& scratch) {
    if (type.form == TypeForm::scaled_decimal) {
        const Converted converted = convert_scaled_decimal(value, scratch);
        if (converted.complaint == nullptr) value = converted.value;
        return;
    }
    if (value.kind != Kind::json_scalar && value.kind != Kind::json_string) return;
    std::string_view text = value.text;
    if (value.kind == Kind::json_string && value.escaped) {
        const json::Unescaped content = json::unescape(text, scratch);
        if (content.complaint != nullptr) return;
        text = content.text;
    }
    if (type.form == TypeForm::json) {
        value = {Kind::text, text};
        return;
    }
    // With decimal.format=NUMERIC a decimal is a number, whose digits would be base64 as well.
    const bool is_base64 = type.as == Conversion::decimal || type.as == Conversion::base64;
    if (is_base64 && value.kind == Kind::json_scalar) return;
    if (type.form != TypeForm::simple) return read_interval(text, type.form, value, scratch);
    if (type.as == Conversion::epoch_days) return read_days(text, value);
    const Converted converted = convert(text, type.as, type.scale, scratch);
    if (converted.complaint != nullptr) return;
    value = converted.value;
    if (!type.has_zone && value.kind == Kind::instant) value.kind = Kind::timestamp;
}

bool holds_others(TypeForm form) {
    return form >= TypeForm::list;
}

}  // namespace

void EnvelopeValues::apply(const EnvelopeType& type, Value& value, Scratch& scratch) {
    if (!holds_others(type.form)) return read_one(type, value, scratch);
    if (value.kind != Kind::json_object && value.kind != Kind::json_array) return;
    if (index_.read(value.text)) return;
    json_.clear();
    JsonCursor cursor(value.text, index_);
    if (write(&type, cursor, scratch)) value.text = scratch.keep(json_);
}

bool EnvelopeValues::write(const EnvelopeType* type, JsonCursor& from, Scratch& scratch) {
    const char first = from.peek();
    const bool is_list = type != nullptr && type->form == TypeForm::list;
    if (is_list && first == '[') return write_list(*type, from, scratch);
    const bool has_members = type != nullptr && holds_others(type->form) && !is_list;
    if (has_members && first == '{') return write_members(*type, from, scratch);
    const char* const begin = from.here();
    if (!from.skip_value()) return false;
    const std::string_view json(begin, static_cast<std::size_t>(from.after() - begin));
    if (type == nullptr || holds_others(type->form)) {
        json_ += json;
    } else {
        write_one(*type, json, scratch);
    }
    return true;
}

bool EnvelopeValues::write_list(const EnvelopeType& type, JsonCursor& from, Scratch& scratch) {
    do {
        json_ += from.peek();
        from.pass();
        if (from.peek() == ']') break;
        if (!write(type.parts.data(), from, scratch)) return false;
    } while (from.peek() == ',');
    json_ += ']';
    from.pass();
    return true;
}

bool EnvelopeValues::write_members(const EnvelopeType& type, JsonCursor& from, Scratch& scratch) {
    do {
        json_ += from.peek();
        from.pass();
        if (from.peek() == '}') break;
        std::string_view name;
        if (!from.read_string(name)) return false;
        from.skip_token();
        json_.append(1, '"').append(name).append("\":");
        if (!write(type.part(name), from, scratch)) return false;
    } while (from.peek() == ',');
    json_ += '}';
    from.pass();
    return true;
}

/// As AvroWalk writes what a record holds.
void EnvelopeValues::write_one(const EnvelopeType& type, std::string_view json, Scratch& scratch) {
    Value value{Kind::json_scalar, json};
    if (json[0] == '"') {
        value = {Kind::json_string, json.substr(1, json.size() - 2)};
        value.escaped = json.find('\\') != std::string_view::npos;
    } else if (json[0] == '{') {
        value.kind = Kind::json_object;
    } else if (json[0] == '[') {
        value.kind = Kind::json_array;
    } else if (json[0] == 'n') {
        value.kind = Kind::null;
    }
    read_one(type, value, scratch);
    const bool is_long = value.kind == Kind::decimal && value.text.size() > longest_decimal_in_json;
    if (value.is_typed() && !is_long) {
        append_canonical_json(json_, value);
    } else if (value.kind == Kind::bytes) {
        json_ += "\"\\\\x";
        append_hex(json_, value.text);
        json_ += '"';
    } else if (value.kind == Kind::text && type.form == TypeForm::simple) {
        json::append_string(json_, value.text);
    } else if (type.form == TypeForm::json && value.text.starts_with('{') &&
               !json::check(value.text, inner_index_)) {
        json_ += value.text;
    } else {
        json_ += json;
    }
}

}  // namespace sluice
