#include "schemas/row_fields.h"

#include "schemas/avro_schema.h"
#include "schemas/field_types.h"
#include "schemas/json_member.h"
#include "schemas/protobuf_schema.h"

#include <algorithm>
#include <array>
#include <optional>

namespace sluice::schemas {
namespace {

using Type = RowField::Type;

// ---- Avro ----

/// The only alternative beside null; else nullptr.
const AvroType* without_null(const AvroSchema& schema, const AvroType& type) {
    if (type.kind != AvroType::Kind::choice) return &type;
    const AvroType* found = nullptr;
    for (const std::uint32_t index : type.contents) {
        if (schema.of(index).kind == AvroType::Kind::null) continue;
        if (found != nullptr) return nullptr;
        found = &schema.of(index);
    }
    return found;
}

Type of_kind(const AvroType& type) {
    using Kind = AvroType::Kind;
    switch (type.kind) {
        case Kind::boolean:
            return Type::boolean;
        case Kind::int32:
            return Type::int32;
        case Kind::int64:
            return Type::int64;
        case Kind::float32:
            return Type::real32;
        case Kind::float64:
            return Type::real64;
        case Kind::bytes:
        case Kind::fixed:
            return Type::bytes;
        case Kind::string: {
            if (type.text_of == "uuid") return Type::uuid;
            const auto known = std::ranges::find(named_texts, type.text_of, &NamedText::name);
            return known == named_texts.end() ? Type::text : known->type;
        }
        case Kind::enumeration:
            return Type::text;
        case Kind::array:
        case Kind::map:
        case Kind::record:
            return Type::json;
        case Kind::null:
        case Kind::choice:
            break;
    }
    return Type::any;
}

RowField avro_field(const AvroSchema& schema, std::string name, const AvroType& declared) {
    RowField field{.name = std::move(name)};
    const AvroType* type = without_null(schema, declared);
    if (type == nullptr) return field;
    if (type->kind == AvroType::Kind::array) {
        const AvroType* const of = without_null(schema, schema.of(type->contents[0]));
        field.list = of != nullptr && of->kind != AvroType::Kind::array &&
                     (of->meaning != AvroType::Meaning::plain || of_kind(*of) != Type::json);
        if (field.list) type = of;
    }
    field.type =
        type->meaning == AvroType::Meaning::plain ? of_kind(*type) : field_type_of(type->meaning);
    if (type->meaning == AvroType::Meaning::decimal && type->precision > 0 && type->scale >= 0) {
        field.precision = type->precision;
        field.scale = type->scale;
    }
    return field;
}

/// The row within a change event; nullptr: it is none.
const AvroType* row_of_event(const AvroSchema& schema, const AvroType& event) {
    const auto has = [&](std::string_view name) {
        return std::ranges::find(event.names, name) != event.names.end();
    };
    if (!has("op") || !has("source") || !has("after")) return nullptr;
    const auto after = std::ranges::find(event.names, "after") - event.names.begin();
    const AvroType* const row =
        without_null(schema, schema.of(event.contents[static_cast<std::size_t>(after)]));
    return row != nullptr && row->kind == AvroType::Kind::record ? row : nullptr;
}

RowFields of_avro(const SchemaText& text) {
    const AvroSchema schema = parse_avro(text.text, text.references);
    const AvroType* record = without_null(schema, schema.of(schema.root));
    RowFields found;
    if (record == nullptr || record->kind != AvroType::Kind::record) return found;
    if (const AvroType* const row = row_of_event(schema, *record)) {
        found.in_envelope = true;
        record = row;
    }
    for (std::size_t i = 0; i < record->names.size(); ++i)
        found.fields.push_back(
            avro_field(schema, record->names[i], schema.of(record->contents[i])));
    return found;
}

// ---- Protobuf ----

Type of_message(const ProtobufSchema& schema, const ProtobufMessage& message);

Type of_protobuf(const ProtobufSchema& schema, const ProtobufField& field) {
    using Of = ProtobufField::Type;
    switch (field.type) {
        case Of::float64:
            return Type::real64;
        case Of::float32:
            return Type::real32;
        case Of::int64:
        case Of::sint64:
        case Of::sfixed64:
        case Of::uint32:
        case Of::fixed32:
            return Type::int64;
        case Of::uint64:
        case Of::fixed64:
            return Type::uint64;
        case Of::int32:
        case Of::sint32:
        case Of::sfixed32:
            return Type::int32;
        case Of::boolean:
            return Type::boolean;
        case Of::string:
        case Of::enumeration:
            return Type::text;
        case Of::bytes:
            return Type::bytes;
        case Of::group:
        case Of::message:
            break;
    }
    return of_message(schema, schema.messages[field.content]);
}

Type of_message(const ProtobufSchema& schema, const ProtobufMessage& message) {
    using Meaning = ProtobufMessage::Meaning;
    switch (message.meaning) {
        case Meaning::timestamp:
            return Type::instant;
        case Meaning::duration:
            return Type::interval;
        case Meaning::field_mask:
            return Type::text;
        case Meaning::wrapper:
            return message.fields.empty() ? Type::json : of_protobuf(schema, message.fields[0]);
        default:
            return Type::json;
    }
}

RowFields of_protobuf(const SchemaText& text, std::string_view message) {
    const ProtobufSchema schema = parse_protobuf(text);
    const bool is_said = !message.empty() || schema.top_level.empty();
    const std::vector<std::uint32_t> chosen =
        is_said ? std::vector{schema.message_called(message)} : schema.outermost();
    RowFields found;
    if (chosen.size() > 1) {
        for (const std::uint32_t index : chosen)
            found.messages.push_back(schema.messages[index].name);
        return found;
    }
    for (const ProtobufField& field : schema.messages[chosen[0]].fields) {
        RowField& made = found.fields.emplace_back();
        made.name = field.name;
        made.type =
            field.count == ProtobufField::Count::map ? Type::json : of_protobuf(schema, field);
        made.list = field.count == ProtobufField::Count::many && made.type != Type::json;
    }
    return found;
}

// ---- JSON Schema ----

using simdjson::dom::element;
using simdjson::dom::object;

/// The one type beside "null"; empty: none, or several.
std::string_view type_word(const object& described) {
    simdjson::dom::array words;
    if (described["type"].get(words) != simdjson::SUCCESS) return text_member(described, "type");
    std::string_view found;
    for (const element each : words) {
        std::string_view word;
        if (each.get(word) != simdjson::SUCCESS || word == "null") continue;
        if (!found.empty()) return {};
        found = word;
    }
    return found;
}

Type of_json_text(std::string_view format) {
    if (format == "date-time") return Type::instant;
    if (format == "date") return Type::date;
    return format == "uuid" ? Type::uuid : Type::text;
}

Type of_json_type(const object& described) {
    const std::string_view word = type_word(described);
    if (word == "boolean") return Type::boolean;
    if (word == "integer") return Type::int64;
    if (word == "number") return Type::decimal;
    if (word == "string") return of_json_text(text_member(described, "format"));
    return word == "object" || word == "array" ? Type::json : Type::any;
}

void describe_json(const object& described, RowField& field) {
    field.type = of_json_type(described);
    object items;
    if (type_word(described) != "array" || described["items"].get(items) != simdjson::SUCCESS)
        return;
    const Type each = of_json_type(items);
    if (each == Type::json || each == Type::any) return;
    field.type = each;
    field.list = true;
}

RowFields of_json(const SchemaText& text) {
    simdjson::dom::parser parser;
    const simdjson::padded_string padded(text.text);
    element root;
    if (const auto error = parser.parse(padded).get(root); error != simdjson::SUCCESS)
        throw BadSchema(std::string("not JSON: ") + simdjson::error_message(error));
    RowFields found;
    object properties;
    if (root["properties"].get(properties) != simdjson::SUCCESS) return found;
    for (const auto& [name, value] : properties) {
        RowField& field = found.fields.emplace_back();
        field.name = name;
        object described;
        if (value.get(described) == simdjson::SUCCESS) describe_json(described, field);
    }
    return found;
}

}  // namespace

RowFields row_fields(const SchemaText& schema, std::string_view message) {
    switch (schema.type) {
        case SchemaType::avro:
            return of_avro(schema);
        case SchemaType::protobuf:
            return of_protobuf(schema, message);
        case SchemaType::json:
            return of_json(schema);
        case SchemaType::other:
            break;
    }
    throw BadSchema("it is " + std::string(name_of(schema.type)));
}

std::string describe(const RowField& field) {
    constexpr std::array names{"of several types",
                               "boolean",
                               "a 32-bit number",
                               "a 64-bit number",
                               "an unsigned 64-bit number",
                               "a 32-bit float",
                               "a 64-bit float",
                               "a decimal",
                               "text",
                               "bytes",
                               "a date",
                               "a time",
                               "a timestamp",
                               "a point in time",
                               "an interval",
                               "a UUID",
                               "nested"};
    return std::string(field.list ? "a list, each " : "") +
           names[static_cast<std::size_t>(field.type)];
}

}  // namespace sluice::schemas
