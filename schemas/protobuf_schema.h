#pragma once

#include "schemas/schema_text.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::schemas {

/// One field of a Protobuf message.
struct ProtobufField {
    /// Protobuf's own types, in the order of its descriptors.
    enum class Type : std::uint8_t {
        float64 = 1,
        float32,
        int64,
        uint64,
        int32,
        fixed64,
        fixed32,
        boolean,
        string,
        group,  ///< a message between two tags, as only old ones have it
        message,
        bytes,
        uint32,
        enumeration,
        sfixed32,
        sfixed64,
        sint32,  ///< zigzag
        sint64,
    };
    enum class Count : std::uint8_t { one, many, map };
    /// What it means when a record lacks the field.
    enum class Absent : std::uint8_t {
        null,     ///< messages, members of a oneof, and what is called optional
        preset,   ///< `preset`: proto3's zero, a proto2 default, nothing in a list or a map
        refused,  ///< proto2's required
    };

    std::string name;       ///< as written in the schema
    std::string json_name;  ///< as Protobuf's JSON has it: lowerCamelCase unless the schema says
    std::uint32_t number = 0;
    Type type = Type::int32;
    Count count = Count::one;
    Absent absent = Absent::null;
    std::uint32_t content =
        0;                     ///< message and group: of `messages`; enumeration: of `enumerations`
    std::int32_t oneof = -1;   ///< of its message; -1: in none
    std::uint64_t preset = 0;  ///< of numbers, as the wire has them
    std::string preset_bytes;  ///< of string and bytes
};

struct ProtobufMessage {
    /// Google's messages that stand for something else than their fields.
    enum class Meaning : std::uint8_t {
        plain,
        timestamp,
        duration,
        wrapper,    ///< of a scalar, so that it can be NULL
        structure,  ///< Struct
        value,
        list,
        any,
        field_mask,
    };
    std::string name;  ///< with its package and the messages around it
    Meaning meaning = Meaning::plain;
    std::uint32_t oneofs = 0;
    std::vector<ProtobufField> fields;  ///< by ascending number; a map's entry: 1 key, 2 value
    /// By index, as Confluent counts: what the schema has written within this one.
    std::vector<std::uint32_t> nested;

    /// nullptr: none. By the name as written, else by that of JSON.
    [[nodiscard]] const ProtobufField* field_called(std::string_view called) const;
};

struct ProtobufEnumeration {
    struct Label {
        std::int32_t number = 0;
        std::string name;
    };
    std::string name;
    std::vector<Label> labels;  ///< by ascending number, each once: the name that stood first

    /// Empty: none has this number.
    [[nodiscard]] std::string_view label_of(std::int32_t number) const;
};

/// The messages of a file, and all that they are made of. Types refer to each other by index, so
/// that one may contain itself. Constant.
struct ProtobufSchema {
    std::vector<ProtobufMessage> messages;
    std::vector<ProtobufEnumeration> enumerations;
    std::vector<std::uint32_t> top_level;  ///< of the file itself, in its order

    /// With or without its package, as long as that means one. Empty: the file's only message.
    /// Throws BadSchema, with the names that there are.
    [[nodiscard]] std::uint32_t message_called(std::string_view name) const;
    /// Those of the top level that are part of no other one: what records may be.
    [[nodiscard]] std::vector<std::uint32_t> outermost() const;
    /// As in Confluent's prefix: of the top level, then within that one, and so on.
    [[nodiscard]] std::optional<std::uint32_t> message_at(
        std::span<const std::int32_t> indexes) const;
    /// How message_at() is asked for one of the file's own.
    [[nodiscard]] std::vector<std::uint32_t> indexes_of(std::uint32_t message) const;
    /// By its full name alone, wherever it was declared.
    [[nodiscard]] std::optional<std::uint32_t> find(std::string_view full_name) const;
};

/// A file is .proto text, or base64 of its FileDescriptorProto: registries have both. `imports`
/// come in any order; Google's own (google/protobuf/….proto) are there without. Custom options are
/// not looked at. Throws BadSchema.
[[nodiscard]] ProtobufSchema parse_protobuf(const NamedSchema& file,
                                            std::span<const NamedSchema> imports = {});

/// A schema of a registry, where a file has no name.
[[nodiscard]] ProtobufSchema parse_protobuf(const SchemaText& schema);

/// Messages within each other: in a file that has more, none is read.
inline constexpr int deepest_messages = 32;

/// What the file at hand imports that is neither Google's own nor parsed yet: for readers that have
/// to fetch it. Throws BadSchema.
[[nodiscard]] std::vector<std::string> imports_of(const NamedSchema& file);

}  // namespace sluice::schemas
