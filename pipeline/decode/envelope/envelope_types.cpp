#include "pipeline/decode/envelope/envelope_types.h"

#include "schemas/connect_times.h"
#include "schemas/json_member.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace sluice {
namespace {

using config::Conversion;
using TypeForm = EnvelopeType::Form;
using simdjson::dom::element;
using simdjson::dom::object;

EnvelopeType type_of(const schemas::CountedTime& time) {
    using Meaning = schemas::AvroType::Meaning;
    constexpr std::array epochs{Conversion::epoch_ms, Conversion::epoch_us, Conversion::epoch_ns};
    constexpr std::array clocks{Conversion::time_ms, Conversion::time_us, Conversion::time_ns};
    const auto unit = static_cast<std::size_t>(time.unit);
    switch (time.meaning) {
        case Meaning::date:
            return {.as = Conversion::epoch_days};
        case Meaning::time:
            return {.as = clocks.at(unit)};
        case Meaning::interval:
            return {.form = time.unit == schemas::AvroType::Unit::nanoseconds
                                ? TypeForm::nanoseconds_interval
                                : TypeForm::microseconds_interval};
        default:
            return {.as = epochs.at(unit), .has_zone = time.meaning == Meaning::instant};
    }
}

EnvelopeType decimal_type(const object& field) {
    EnvelopeType type{.as = Conversion::decimal};
    object parameters;
    if (field["parameters"].get(parameters) == simdjson::SUCCESS) {
        const std::string_view scale = schemas::text_member(parameters, "scale");
        std::from_chars(scale.data(), scale.data() + scale.size(), type.scale);
    }
    return type;
}

std::optional<EnvelopeType> type_of(const object& field);

EnvelopeType structure_of(const simdjson::dom::array& fields) {
    EnvelopeType type{.form = TypeForm::structure};
    for (const element each : fields) {
        object field;
        if (each.get(field) != simdjson::SUCCESS) continue;
        if (auto part = type_of(field)) {
            type.names.emplace_back(schemas::text_member(field, "field"));
            type.parts.push_back(std::move(*part));
        }
    }
    return type;
}

/// Of a list or map, by the schema of what it holds.
std::optional<EnvelopeType> type_of_many(TypeForm form, const object& field, std::string_view key) {
    object content;
    if (field[key].get(content) != simdjson::SUCCESS) return std::nullopt;
    auto part = type_of(content);
    if (!part) return std::nullopt;
    EnvelopeType type{.form = form};
    type.parts.push_back(std::move(*part));
    return type;
}

std::optional<EnvelopeType> type_of(const object& field) {
    const std::string_view name = schemas::text_member(field, "name");
    for (const schemas::CountedTime& time : schemas::connect_times)
        if (time.name == name) return type_of(time);
    if (name == "org.apache.kafka.connect.data.Decimal") return decimal_type(field);
    if (name == "io.debezium.data.Json") return EnvelopeType{.form = TypeForm::json};
    if (name == "io.debezium.data.VariableScaleDecimal")
        return EnvelopeType{.form = TypeForm::scaled_decimal};
    const std::string_view type = schemas::text_member(field, "type");
    if (type == "bytes") return EnvelopeType{.as = Conversion::base64};
    if (type == "array") return type_of_many(TypeForm::list, field, "items");
    if (type == "map") return type_of_many(TypeForm::map, field, "values");
    simdjson::dom::array fields;
    if (type != "struct" || field["fields"].get(fields) != simdjson::SUCCESS) return std::nullopt;
    EnvelopeType structure = structure_of(fields);
    if (structure.parts.empty()) return std::nullopt;
    return structure;
}

}  // namespace

const EnvelopeType* EnvelopeType::part(std::string_view name) const {
    if (form == Form::list || form == Form::map) return parts.data();
    const auto found = std::ranges::find(names, name);
    return found == names.end() ? nullptr : &parts[static_cast<std::size_t>(found - names.begin())];
}

const EnvelopeType* EnvelopeType::at(std::span<const std::string> path) const {
    const EnvelopeType* type = this;
    for (const std::string& token : path) {
        type = type->part(token);
        if (type == nullptr) return nullptr;
    }
    return type;
}

EventTypes event_types(std::string_view schema) {
    EventTypes types;
    simdjson::dom::parser parser;
    simdjson::dom::array fields;
    const simdjson::padded_string padded(schema);
    if (parser.parse(padded)["fields"].get(fields) != simdjson::SUCCESS) return types;
    for (const element each : fields) {
        object field;
        simdjson::dom::array of_row;
        if (each.get(field) != simdjson::SUCCESS ||
            schemas::text_member(field, "field") != "after" ||
            field["fields"].get(of_row) != simdjson::SUCCESS)
            continue;
        types.event = structure_of(fields);
        types.row = structure_of(of_row);
        return types;
    }
    types.row = structure_of(fields);
    return types;
}

}  // namespace sluice
