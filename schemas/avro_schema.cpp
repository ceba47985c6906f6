#include "schemas/avro_schema.h"

#include "schemas/avro_annotations.h"
#include "schemas/json_string.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>

namespace sluice::schemas {

namespace {

using Kind = AvroType::Kind;
using simdjson::SUCCESS;
using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::array<std::string_view, 8> primitives = {"null",  "boolean", "int",   "long",
                                                        "float", "double",  "bytes", "string"};

/// Deeper than any schema that a person or a generator wrote, and well within a thread's stack.
constexpr int deepest = 200;

/// Each character of such a default is a byte, in UTF-8 here.
std::string hex_of_latin1(std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    std::string hex;
    unsigned high = 0;
    for (const char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (byte >= 0xc0) {
            high = (byte & 3U) << 6;
            continue;
        }
        if (byte >= 0x80) byte = static_cast<unsigned char>(high | (byte & 0x3fU));
        hex += digits[byte >> 4];
        hex += digits[byte & 15];
    }
    return hex;
}

/// Reads one text after the other into the same types; errors say where by the fields' path.
class Reading {
public:
    explicit Reading(AvroSchema& schema) : schema_(schema) {}

    std::uint32_t read(std::string_view json) {
        simdjson::dom::parser parser;
        element root;
        const auto error = parser.parse(json.data(), json.size()).get(root);
        // A schema that is but a name may come without its quotes.
        if (error != SUCCESS && is_word(json)) return type_called(json, "");
        if (error != SUCCESS) fail(std::string("not JSON: ") + simdjson::error_message(error));
        return type(root, "");
    }

private:
    [[noreturn]] void fail(const std::string& what) const {
        throw BadSchema("not an Avro schema: " + (path_.empty() ? "" : "\"" + path_ + "\": ") +
                        what);
    }

    static bool is_word(std::string_view text) {
        return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
        });
    }

    std::uint32_t add(Kind kind) {
        schema_.types.emplace_back().kind = kind;
        return static_cast<std::uint32_t>(schema_.types.size() - 1);
    }
    AvroType& at(std::uint32_t index) { return schema_.types[index]; }

    std::uint32_t type(element json, std::string_view space) {
        if (++depth_ > deepest) fail("nested deeper than " + std::to_string(deepest) + " types");
        std::string_view name;
        object described;
        array alternatives;
        std::uint32_t made = 0;
        if (json.get(name) == SUCCESS) {
            made = type_called(name, space);
        } else if (json.get(described) == SUCCESS) {
            made = described_type(described, space);
        } else if (json.get(alternatives) == SUCCESS) {
            made = choice(alternatives, space);
        } else {
            fail("a type is a name, an object or an array");
        }
        --depth_;
        return made;
    }

    std::uint32_t type_called(std::string_view name, std::string_view space) {
        const auto primitive = std::find(primitives.begin(), primitives.end(), name);
        // A type of its own for each use: what stands beside it may differ.
        if (primitive != primitives.end())
            return add(static_cast<Kind>(primitive - primitives.begin()));
        const auto known = named_.find(full_name(name, space));
        if (known != named_.end()) return known->second;
        const auto without_space = named_.find(std::string(name));
        if (without_space != named_.end()) return without_space->second;
        fail("no type is called \"" + std::string(name) + "\" up to here");
    }

    std::uint32_t described_type(object json, std::string_view space) {
        element type_of;
        if (json["type"].get(type_of) != SUCCESS) fail("an object without \"type\"");
        std::string_view word;
        if (type_of.get(word) != SUCCESS) return annotated(type(type_of, space), json);
        if (word == "record" || word == "error") return record(json, space);
        if (word == "enum") return enumeration(json, space);
        if (word == "fixed") return fixed(json, space);
        if (word == "array") return container(Kind::array, json, "items", space);
        if (word == "map") return container(Kind::map, json, "values", space);
        return annotated(type_called(word, space), json);
    }

    /// What stands beside a type speaks of it, or of the alternatives that it can speak of. A type
    /// that has a name keeps what its definition says: other uses of it mean that one.
    std::uint32_t annotated(std::uint32_t index, object beside) {
        const AvroAnnotations annotations = annotations_of(beside);
        if (annotations.empty()) return index;
        if (at(index).kind != Kind::choice) return annotated(index, annotations);
        for (std::size_t i = 0; i < at(index).contents.size(); ++i)
            at(index).contents[i] = annotated(at(index).contents[i], annotations);
        return index;
    }
    std::uint32_t annotated(std::uint32_t index, const AvroAnnotations& annotations) {
        if (at(index).meaning != AvroType::Meaning::plain) return index;
        AvroType with_meaning = at(index);
        if (!annotate(with_meaning, annotations, schema_)) return index;
        if (with_meaning.name.empty()) {
            at(index) = std::move(with_meaning);
            return index;
        }
        schema_.types.push_back(std::move(with_meaning));
        return static_cast<std::uint32_t>(schema_.types.size() - 1);
    }

    std::uint32_t choice(array alternatives, std::string_view space) {
        const std::uint32_t made = add(Kind::choice);
        for (const element alternative : alternatives) {
            const std::uint32_t index = type(alternative, space);
            if (at(index).kind == Kind::choice) fail("a union directly within a union");
            at(made).contents.push_back(index);
        }
        if (at(made).contents.empty()) fail("a union of nothing");
        return made;
    }

    std::uint32_t container(Kind kind, object json, const char* of, std::string_view space) {
        element content;
        if (json[of].get(content) != SUCCESS)
            fail(std::string(kind == Kind::map ? "a map" : "an array") + " without \"" + of + "\"");
        const std::uint32_t made = add(kind);
        const std::uint32_t index = type(content, space);
        at(made).contents.push_back(index);
        return made;
    }

    std::uint32_t record(object json, std::string_view space) {
        const std::uint32_t made = define(Kind::record, json, space);
        array fields;
        if (json["fields"].get(fields) != SUCCESS) fail(at(made).name + " has no \"fields\"");
        const std::string name = at(made).name;
        const std::string_view own_space = space_of(name);
        const std::size_t path = path_.size();
        for (const element field : fields) {
            object described;
            std::string_view field_name;
            element field_type;
            if (field.get(described) != SUCCESS || described["name"].get(field_name) != SUCCESS)
                fail("a field of " + name + " without a name");
            path_ += path == 0 ? "" : ".";
            path_ += field_name;
            auto& names = at(made).names;
            if (std::find(names.begin(), names.end(), field_name) != names.end())
                fail("a second field of this name");
            names.emplace_back(field_name);
            if (described["type"].get(field_type) != SUCCESS) fail("a field without a type");
            const std::uint32_t index = annotated(type(field_type, own_space), described);
            at(made).contents.push_back(index);
            at(made).defaults.push_back(default_of(described, index));
            path_.resize(path);
        }
        annotate(at(made), annotations_of(json), schema_);
        return made;
    }

    /// Of a field of this type.
    std::string default_of(object field, std::uint32_t index) {
        element given;
        std::string json;
        if (field["default"].get(given) == SUCCESS) append_default(json, given, index);
        return json;
    }

    void append_default(std::string& to, element given, std::uint32_t index) {
        index = branch_for(given, index);
        const Kind kind = at(index).kind;
        std::string_view text;
        array elements;
        object members;
        if ((kind == Kind::bytes || kind == Kind::fixed) && given.get(text) == SUCCESS) {
            to += "\"\\\\x" + hex_of_latin1(text) + "\"";
        } else if (kind == Kind::array && given.get(elements) == SUCCESS) {
            to += '[';
            for (const element each : elements) {
                if (!to.ends_with('[')) to += ',';
                append_default(to, each, at(index).contents[0]);
            }
            to += ']';
        } else if ((kind == Kind::record || kind == Kind::map) && given.get(members) == SUCCESS) {
            to += '{';
            for (const auto [name, value] : members) {
                if (!to.ends_with('{')) to += ',';
                json::append_string(to, name);
                to += ':';
                if (const auto type = type_of_member(index, name))
                    append_default(to, value, *type);
                else
                    to += simdjson::minify(value);
            }
            to += '}';
        } else {
            to += simdjson::minify(given);
        }
    }

    /// Of a union, its first alternative that may be meant.
    std::uint32_t branch_for(element given, std::uint32_t index) {
        if (at(index).kind != Kind::choice) return index;
        const auto takes = [this, given](std::uint32_t alternative) {
            const Kind kind = at(alternative).kind;
            if (given.is_string())
                return kind == Kind::bytes || kind == Kind::fixed || kind == Kind::string ||
                       kind == Kind::enumeration;
            if (given.is_array()) return kind == Kind::array;
            return kind == Kind::record || kind == Kind::map;
        };
        const auto found = std::ranges::find_if(at(index).contents, takes);
        return found == at(index).contents.end() ? at(index).contents[0] : *found;
    }

    /// Nothing of a field that the record lacks, or whose type is being read yet.
    std::optional<std::uint32_t> type_of_member(std::uint32_t index, std::string_view name) {
        const AvroType& type = at(index);
        if (type.kind == Kind::map) return type.contents[0];
        const auto field =
            static_cast<std::size_t>(std::ranges::find(type.names, name) - type.names.begin());
        if (field >= type.contents.size()) return std::nullopt;
        return type.contents[field];
    }

    std::uint32_t enumeration(object json, std::string_view space) {
        const std::uint32_t made = define(Kind::enumeration, json, space);
        array symbols;
        if (json["symbols"].get(symbols) != SUCCESS) fail(at(made).name + " has no \"symbols\"");
        for (const element symbol : symbols) {
            std::string_view text;
            if (symbol.get(text) != SUCCESS) fail(at(made).name + " has a symbol that is no text");
            at(made).names.emplace_back(text);
        }
        return made;
    }

    std::uint32_t fixed(object json, std::string_view space) {
        const std::uint32_t made = define(Kind::fixed, json, space);
        std::int64_t size = 0;
        if (json["size"].get(size) != SUCCESS || size < 0) fail(at(made).name + " has no \"size\"");
        at(made).size = static_cast<std::uint64_t>(size);
        annotate(at(made), annotations_of(json), schema_);
        return made;
    }

    std::uint32_t define(Kind kind, object json, std::string_view space) {
        std::string_view name;
        if (json["name"].get(name) != SUCCESS || name.empty())
            fail("a record, an enum or a fixed without a name");
        std::string_view own_space;
        if (json["namespace"].get(own_space) != SUCCESS) own_space = space;
        const std::uint32_t made = add(kind);
        at(made).name = full_name(name, own_space);
        if (!named_.emplace(at(made).name, made).second)
            fail("a second type is called " + at(made).name);
        return made;
    }

    static std::string full_name(std::string_view name, std::string_view space) {
        if (space.empty() || name.find('.') != std::string_view::npos) return std::string(name);
        return std::string(space) + "." + std::string(name);
    }
    static std::string_view space_of(std::string_view name) {
        const auto dot = name.rfind('.');
        return dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
    }

    AvroSchema& schema_;
    std::unordered_map<std::string, std::uint32_t> named_;
    std::string path_;
    int depth_ = 0;
};

/// Until nothing changes, since types may contain themselves. Backwards: what a type contains
/// mostly stands behind it.
void find_empty_types(AvroSchema& schema) {
    for (AvroType& type : schema.types) {
        type.is_empty = type.kind == Kind::null || type.kind == Kind::record ||
                        (type.kind == Kind::fixed && type.size == 0);
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (auto type = schema.types.rbegin(); type != schema.types.rend(); ++type) {
            if (!type->is_empty || type->kind != Kind::record) continue;
            type->is_empty =
                std::all_of(type->contents.begin(), type->contents.end(),
                            [&](std::uint32_t field) { return schema.of(field).is_empty; });
            changed |= !type->is_empty;
        }
    }
}

}  // namespace

AvroSchema parse_avro(std::string_view json, std::span<const NamedSchema> references) {
    AvroSchema schema;
    Reading reading(schema);
    for (const NamedSchema& reference : references) static_cast<void>(reading.read(reference.text));
    schema.root = reading.read(json);
    find_empty_types(schema);
    return schema;
}

std::string_view name_of(const AvroType& type) {
    if (!type.name.empty()) return type.name;
    const auto index = static_cast<std::size_t>(type.kind);
    if (index < primitives.size()) return primitives[index];
    return type.kind == Kind::array ? "array" : type.kind == Kind::map ? "map" : "union";
}

}  // namespace sluice::schemas
