#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::schemas {

enum class SchemaType : std::uint8_t {
    avro,
    protobuf,
    json,
    other,  ///< a registry may have any
};
/// For messages.
[[nodiscard]] constexpr std::string_view name_of(SchemaType type) {
    constexpr std::string_view names[] = {"Avro", "Protobuf", "JSON Schema",
                                          "of a type that Sluice does not know"};
    return names[static_cast<std::size_t>(type)];
}

/// A schema by itself, as it was written.
struct NamedSchema {
    std::string name;  ///< by which others refer to it: a .proto file's imports need it
    std::string text;
    bool operator==(const NamedSchema&) const = default;
};

/// A schema as it was written, with those that it refers to.
struct SchemaText {
    SchemaType type = SchemaType::avro;
    std::string text;
    std::vector<NamedSchema> references;  ///< each after those that it refers to itself
};

}  // namespace sluice::schemas
