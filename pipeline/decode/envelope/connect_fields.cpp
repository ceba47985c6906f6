#include "pipeline/decode/envelope/connect_fields.h"

#include "schemas/connect_times.h"
#include "schemas/field_types.h"
#include "schemas/json_member.h"

#include <array>
#include <charconv>
#include <string>

namespace sluice {
namespace {

using schemas::RowField;
using schemas::RowFields;
using schemas::text_member;
using simdjson::dom::element;
using simdjson::dom::object;
using Type = RowField::Type;

struct NamedType {
    std::string_view name;
    Type type;
};

constexpr std::array decimals{"org.apache.kafka.connect.data.Decimal",
                              "io.debezium.data.VariableScaleDecimal"};

constexpr std::array plain_types{
    NamedType{"boolean", Type::boolean}, NamedType{"int8", Type::int32},
    NamedType{"int16", Type::int32},     NamedType{"int32", Type::int32},
    NamedType{"int64", Type::int64},     NamedType{"float", Type::real32},
    NamedType{"double", Type::real64},   NamedType{"string", Type::text},
    NamedType{"bytes", Type::bytes},     NamedType{"struct", Type::json},
    NamedType{"map", Type::json},        NamedType{"array", Type::json},
};

Type type_of_field(const object& field) {
    const std::string_view name = text_member(field, "name");
    for (const schemas::CountedTime& time : schemas::connect_times)
        if (time.name == name) return schemas::field_type_of(time.meaning);
    for (const schemas::NamedText& known : schemas::named_texts)
        if (known.name == name) return known.type;
    for (const char* const decimal : decimals)
        if (decimal == name) return Type::decimal;
    const std::string_view type = text_member(field, "type");
    for (const NamedType& known : plain_types)
        if (known.name == type) return known.type;
    return Type::any;
}

std::int32_t number_in(const object& parameters, std::string_view name) {
    std::int32_t number = 0;
    const std::string_view text = text_member(parameters, name);
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

RowField field_of(const object& described) {
    RowField field{.name = std::string(text_member(described, "field")),
                   .type = type_of_field(described)};
    object within;
    if (field.type == Type::decimal && described["parameters"].get(within) == simdjson::SUCCESS) {
        field.precision = number_in(within, "connect.decimal.precision");
        if (field.precision > 0) field.scale = number_in(within, "scale");
    }
    if (text_member(described, "type") == "array" &&
        described["items"].get(within) == simdjson::SUCCESS) {
        const Type each = type_of_field(within);
        field.list = each != Type::json && each != Type::any;
        if (field.list) field.type = each;
    }
    return field;
}

RowFields fields_of_row(const simdjson::dom::array& described) {
    RowFields found;
    for (const element each : described) {
        object field;
        if (each.get(field) == simdjson::SUCCESS) found.fields.push_back(field_of(field));
    }
    return found;
}

}  // namespace

RowFields connect_fields(std::string_view schema) {
    simdjson::dom::parser parser;
    simdjson::dom::array fields;
    const simdjson::padded_string padded(schema);
    if (parser.parse(padded)["fields"].get(fields) != simdjson::SUCCESS) return {};
    for (const element each : fields) {
        object field;
        simdjson::dom::array of_row;
        if (each.get(field) != simdjson::SUCCESS || text_member(field, "field") != "after" ||
            field["fields"].get(of_row) != simdjson::SUCCESS)
            continue;
        RowFields row = fields_of_row(of_row);
        row.in_envelope = true;
        return row;
    }
    return fields_of_row(fields);
}

}  // namespace sluice
