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
    Known{"io.debezium.data.Json", {.is_json = true}},
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

}  // namespace

void apply(const EnvelopeType& type, Value& value, Scratch& scratch) {
    if (value.kind != Value::Kind::json_scalar && value.kind != Value::Kind::json_string) return;
    std::string_view text = value.text;
    if (value.kind == Value::Kind::json_string && value.escaped) {
        const json::Unescaped content = json::unescape(text, scratch);
        if (content.complaint != nullptr) return;
        text = content.text;
    }
    if (type.is_json) {
        value = {Value::Kind::text, text};
        return;
    }
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
