#include "schemas/avro_annotations.h"

#include "schemas/connect_times.h"

#include <array>
#include <charconv>

namespace sluice::schemas {

namespace {

using Kind = AvroType::Kind;
using Meaning = AvroType::Meaning;
using Unit = AvroType::Unit;

constexpr std::array logical_types = {
    CountedTime{"date", Kind::int32, Meaning::date},
    CountedTime{"time-millis", Kind::int32, Meaning::time},
    CountedTime{"time-micros", Kind::int64, Meaning::time, Unit::microseconds},
    CountedTime{"timestamp-millis", Kind::int64, Meaning::instant},
    CountedTime{"timestamp-micros", Kind::int64, Meaning::instant, Unit::microseconds},
    CountedTime{"timestamp-nanos", Kind::int64, Meaning::instant, Unit::nanoseconds},
    CountedTime{"local-timestamp-millis", Kind::int64, Meaning::timestamp},
    CountedTime{"local-timestamp-micros", Kind::int64, Meaning::timestamp, Unit::microseconds},
    CountedTime{"local-timestamp-nanos", Kind::int64, Meaning::timestamp, Unit::nanoseconds},
};

/// PostgreSQL's numeric has no more digits than this behind the point.
constexpr std::int64_t largest_scale = 16383;
/// No numeric can be declared with more.
constexpr std::int64_t most_digits = 1000;

template <class Table>
bool find_in(const Table& table, std::string_view name, AvroType& type) {
    for (const CountedTime& known : table) {
        if (known.name != name || known.kind != type.kind) continue;
        type.meaning = known.meaning;
        type.unit = known.unit;
        return true;
    }
    return false;
}

bool mean_decimal(AvroType& type, const AvroAnnotations& annotations) {
    const std::int64_t scale = annotations.scale.value_or(0);
    const std::int64_t precision = annotations.precision.value_or(0);
    if (scale < -largest_scale || scale > largest_scale) return false;
    type.meaning = Meaning::decimal;
    type.scale = static_cast<std::int32_t>(scale);
    if (precision > 0 && precision <= most_digits) type.precision = static_cast<int>(precision);
    return true;
}

/// As the specification has it: a decimal that is not valid is bytes.
bool is_decimal(const AvroAnnotations& annotations) {
    const std::int64_t scale = annotations.scale.value_or(0);
    return annotations.logical_type == "decimal" && annotations.precision.value_or(0) > 0 &&
           scale >= 0 && scale <= *annotations.precision;
}

/// A number, or its text: Connect's parameters are strings.
std::optional<std::int64_t> number_in(simdjson::dom::element element) {
    std::int64_t number = 0;
    if (element.get(number) == simdjson::SUCCESS) return number;
    std::string_view text;
    if (element.get(text) != simdjson::SUCCESS) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

/// A record {scale: int, value: bytes}.
bool is_scaled_decimal(const AvroType& type, std::string_view connect_name,
                       const AvroSchema& schema) {
    constexpr std::string_view name = "io.debezium.data.VariableScaleDecimal";
    return (connect_name == name || type.name == name) && type.names.size() == 2 &&
           type.names[0] == "scale" && type.names[1] == "value" &&
           schema.of(type.contents[0]).kind == Kind::int32 &&
           schema.of(type.contents[1]).kind == Kind::bytes;
}

}  // namespace

AvroAnnotations annotations_of(simdjson::dom::object object) {
    AvroAnnotations found;
    simdjson::dom::element value;
    // What is no string is none of ours.
    if (object["logicalType"].get(found.logical_type) != simdjson::SUCCESS) found.logical_type = {};
    if (object["connect.name"].get(found.connect_name) != simdjson::SUCCESS)
        found.connect_name = {};
    if (object["precision"].get(value) == simdjson::SUCCESS) found.precision = number_in(value);
    if (object["scale"].get(value) == simdjson::SUCCESS) found.scale = number_in(value);
    if (!found.scale && object["connect.parameters"]["scale"].get(value) == simdjson::SUCCESS)
        found.scale = number_in(value);
    if (!found.precision &&
        object["connect.parameters"]["connect.decimal.precision"].get(value) == simdjson::SUCCESS)
        found.precision = number_in(value);
    return found;
}

bool annotate(AvroType& type, const AvroAnnotations& annotations, const AvroSchema& schema) {
    switch (type.kind) {
        case Kind::int32:
        case Kind::int64:
            // Debezium's own name says more: its timestamps have no zone, whatever else stands
            // there.
            return find_in(connect_times, annotations.connect_name, type) ||
                   find_in(logical_types, annotations.logical_type, type);
        case Kind::bytes:
        case Kind::fixed:
            if (type.kind == Kind::fixed && type.size == 12 &&
                annotations.logical_type == "duration") {
                type.meaning = Meaning::duration;
                return true;
            }
            if (type.kind == Kind::fixed && type.size == 16 && annotations.logical_type == "uuid") {
                type.meaning = Meaning::uuid;
                return true;
            }
            if (is_decimal(annotations)) return mean_decimal(type, annotations);
            return annotations.connect_name == "org.apache.kafka.connect.data.Decimal" &&
                   annotations.scale && mean_decimal(type, annotations);
        case Kind::record:
            if (!is_scaled_decimal(type, annotations.connect_name, schema)) return false;
            type.meaning = Meaning::scaled_decimal;
            return true;
        case Kind::string:
            type.text_of = annotations.connect_name.empty() ? annotations.logical_type
                                                            : annotations.connect_name;
            return true;
        default:
            return false;
    }
}

}  // namespace sluice::schemas
