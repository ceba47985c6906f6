#include "config/shape.h"
#include "daemon/commands/commands.h"
#include "daemon/report/report.h"

#include <iostream>
#include <map>

/// The configuration's shape as a JSON Schema: draft 7, which editors know best.
namespace sluice {
namespace {

using config::Shape;
using ShapeKind = Shape::Kind;

void refer(JsonWriter& json, std::string_view definition) {
    json.begin_object().field("$ref", "#/definitions/" + std::string(definition)).end_object();
}

void write_table(JsonWriter& json, const Shape& table);

void write_shape(JsonWriter& json, const Shape& shape) {
    switch (shape.kind) {
        case ShapeKind::anything:
            json.begin_object().end_object();
            return;
        case ShapeKind::text:
            return refer(json, "text");
        case ShapeKind::texts:
            return refer(json, "texts");
        case ShapeKind::whole:
            json.begin_object().field("type", "integer");
            if (shape.least < shape.most) {
                json.field("minimum", static_cast<long long>(shape.least));
                json.field("maximum", static_cast<long long>(shape.most));
            }
            json.end_object();
            return;
        case ShapeKind::size:
            return refer(json, "size");
        case ShapeKind::truth:
            json.begin_object().field("type", "boolean").end_object();
            return;
        case ShapeKind::duration:
            return refer(json, "text");
        case ShapeKind::word:
            json.begin_object().key("anyOf").begin_array().begin_object().key("enum").begin_array();
            for (const std::string& word : shape.words) json.value(word);
            json.end_array().end_object();
            refer(json, "elsewhere");
            json.end_array().end_object();
            return;
        case ShapeKind::table:
            return write_table(json, shape);
        case ShapeKind::tables:
            json.begin_object().field("type", "array").key("items");
            write_table(json, shape);
            json.field("minItems", 1LL).end_object();
            return;
    }
}

/// Any of them will do.
void write_any(JsonWriter& json, const std::vector<const Shape*>& shapes) {
    if (shapes.size() == 1) return write_shape(json, *shapes.front());
    json.begin_object().key("anyOf").begin_array();
    for (const Shape* shape : shapes) write_shape(json, *shape);
    json.end_array().end_object();
}

void write_table(JsonWriter& json, const Shape& table) {
    std::vector<std::string> required;
    std::map<std::string, std::vector<const Shape*>> by_key;
    for (const Shape& entry : table.entries) {
        if (entry.required) required.push_back(entry.key);
        by_key[entry.key].push_back(&entry);
    }
    json.begin_object().field("type", "object").key("properties").begin_object();
    for (const auto& [key, shapes] : by_key)
        if (!key.empty()) write_any(json.key(key), shapes);
    json.end_object().key("additionalProperties");
    const auto own = by_key.find("");
    if (own == by_key.end())
        json.value(false);
    else
        write_any(json, own->second);
    if (!required.empty()) {
        json.key("required").begin_array();
        for (const std::string& key : required) json.value(key);
        json.end_array();
    }
    json.end_object();
}

/// { env = "NAME" } or { file = "path" }, which any text may be.
void write_elsewhere(JsonWriter& json) {
    json.begin_object().key("oneOf").begin_array();
    for (const char* key : {"env", "file"}) {
        json.begin_object().field("type", "object").key("properties").begin_object();
        json.key(key).begin_object().field("type", "string").end_object().end_object();
        json.key("required").begin_array().value(key).end_array();
        json.field("additionalProperties", false).end_object();
    }
    json.end_array().end_object();
}

void write_one_of_types(JsonWriter& json, const std::vector<const char*>& types) {
    json.begin_object().key("anyOf").begin_array();
    for (const char* type : types) json.begin_object().field("type", type).end_object();
    refer(json, "elsewhere");
    json.end_array().end_object();
}

}  // namespace

int print_config_schema(const config::Config&, const CommandLine&) {
    JsonWriter json;
    json.begin_object().field("$schema", "http://json-schema.org/draft-07/schema#");
    json.field("title", "The configuration of Sluice").key("allOf").begin_array();
    write_table(json, config::shape_of_file());
    json.end_array().key("definitions").begin_object();
    write_elsewhere(json.key("elsewhere"));
    write_one_of_types(json.key("text"), {"string"});
    write_one_of_types(json.key("size"), {"string", "integer"});
    json.key("texts").begin_object().field("type", "array").key("items");
    refer(json, "text");
    json.field("minItems", 1LL).end_object().end_object().end_object();
    std::cout << json.text() << '\n';
    return fine;
}

}  // namespace sluice
