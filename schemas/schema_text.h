#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::schemas {

enum class SchemaType : std::uint8_t { avro, protobuf, json };

/// A schema as it was written, with those that it refers to.
struct SchemaText {
    SchemaType type = SchemaType::avro;
    std::string text;
    std::vector<std::string> references;  ///< each after those that it refers to itself
};

}  // namespace sluice::schemas
