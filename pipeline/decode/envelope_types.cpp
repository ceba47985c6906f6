#include "pipeline/decode/envelope_types.h"

#include "pipeline/decode/json_text.h"
#include "pipeline/values/conversion.h"

#include <simdjson.h>

#include <array>
#include <charconv>
#include <optional>

namespace sluice {
namespace {

using config::Conversion;
using Form = EnvelopeType::Form;
using simdjson::dom::element;
using simdjson::dom::object;

struct Known {
    std::string_view name;
    EnvelopeType type;
};

constexpr std::array known_types{
    Known{"io.debezium.time.Date", {.as = Conversion::epoch_days}},
    Known{"org.apache.kafka.connect.data.Date", {.as = Conversion::epoch_days}},
    Known{"io.debezium.time.Time", {.as = Conversion::time_ms}},
    Known{"org.apache.kafka.connect.data.Time", {.as = Conversion::time_ms}},
    Known{"io.debezium.time.MicroTime", {.as = Conversion::time_us}},
    Known{"io.debezium.time.NanoTime", {.as = Conversion::time_ns}},
    Known{"io.debezium.time.Timestamp", {.as = Conversion::epoch_ms, .has_zone = false}},
    Known{"io.debezium.time.MicroTimestamp", {.as = Conversion::epoch_us, .has_zone = false}},
    Known{"io.debezium.time.NanoTimestamp", {.as = Conversion::epoch_ns, .has_zone = false}},
    Known{"org.apache.kafka.connect.data.Timestamp", {.as = Conversion::epoch_ms}},
    Known{"org.apache.kafka.connect.data.Decimal", {.as = Conversion::decimal}},
    Known{"io.debezium.data.Json", {.form = Form::json}},
    Known{"io.debezium.data.VariableScaleDecimal", {.form = Form::scaled_decimal}},
    Known{"io.debezium.time.MicroDuration", {.form = Form::microseconds_interval}},
    Known{"io.debezium.time.NanoDuration", {.form = Form::nanoseconds_interval}},
};

std::string_view text_of(const object& from, std::string_view key) {
    std::string_view text;
    return from[key].get(text) == simdjson::SUCCESS ? text : std::string_view();
}

std::optional<EnvelopeType> type_of(const object& field) {
    const std::string_view name = text_of(field, "name");
    for (const Known& known : known_types) {
        if (known.name != name) continue;
        EnvelopeType type = known.type;
        object parameters;
        if (type.as == Conversion::decimal &&
            field["parameters"].get(parameters) == simdjson::SUCCESS) {
            const std::string_view scale = text_of(parameters, "scale");
            std::from_chars(scale.data(), scale.data() + scale.size(), type.scale);
        }
        return type;
    }
    if (text_of(field, "type") == "bytes") return EnvelopeType{.as = Conversion::base64};
    return std::nullopt;
}

/// What cannot be read stays what it is.
void read_scaled_decimal(Value& value, Scratch& scratch) {
    if (value.kind != Value::Kind::json_object) return;
    simdjson::dom::parser parser;
    const simdjson::padded_string padded(value.text);
    object parts;
    std::int64_t scale = 0;
    std::string_view digits;
    if (parser.parse(padded).get(parts) != simdjson::SUCCESS ||
        parts["scale"].get(scale) != simdjson::SUCCESS ||
        parts["value"].get(digits) != simdjson::SUCCESS || scale < -16383 || scale > 16383)
        return;
    const Converted converted =
        convert(digits, Conversion::decimal, static_cast<std::int32_t>(scale), scratch);
    if (converted.complaint == nullptr) value = converted.value;
}

void read_interval(std::string_view text, Form form, Value& value, Scratch& scratch) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return;
    // Downwards, as Avro's are.
    if (form == Form::nanoseconds_interval) number = number / 1000 - (number % 1000 < 0 ? 1 : 0);
    value = interval_value(number, 0, 0, scratch);
}

}  // namespace

void apply(const EnvelopeType& type, Value& value, Scratch& scratch) {
    if (type.form == Form::scaled_decimal) return read_scaled_decimal(value, scratch);
    if (value.kind != Value::Kind::json_scalar && value.kind != Value::Kind::json_string) return;
    std::string_view text = value.text;
    if (value.kind == Value::Kind::json_string && value.escaped) {
        const json::Unescaped content = json::unescape(text, scratch);
        if (content.complaint != nullptr) return;
        text = content.text;
    }
    if (type.form == Form::json) {
        value = {Value::Kind::text, text};
        return;
    }
    if (type.form != Form::simple) return read_interval(text, type.form, value, scratch);
    const Converted converted = convert(text, type.as, type.scale, scratch);
    if (converted.complaint != nullptr) return;
    value = converted.value;
    if (!type.has_zone && value.kind == Value::Kind::instant) value.kind = Value::Kind::timestamp;
}

std::map<std::string, EnvelopeType, std::less<>> envelope_types(std::string_view schema) {
    std::map<std::string, EnvelopeType, std::less<>> types;
    simdjson::dom::parser parser;
    simdjson::dom::array fields;
    const simdjson::padded_string padded(schema);
    if (parser.parse(padded)["fields"].get(fields) != simdjson::SUCCESS) return types;
    for (const element each : fields) {
        object field;
        simdjson::dom::array of_row;
        if (each.get(field) != simdjson::SUCCESS || text_of(field, "field") != "after") continue;
        if (field["fields"].get(of_row) == simdjson::SUCCESS) fields = of_row;
        break;
    }
    for (const element each : fields) {
        object field;
        if (each.get(field) != simdjson::SUCCESS) continue;
        if (const auto type = type_of(field))
            types.insert_or_assign(std::string(text_of(field, "field")), *type);
    }
    return types;
}

}  // namespace sluice
