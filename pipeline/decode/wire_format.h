#pragma once

#include "pipeline/decode/decoder.h"
#include "pipeline/decode/schema_source.h"

#include <optional>
#include <string_view>

namespace sluice {

/// What a payload is of its record: the names of headers differ.
enum class PartOfRecord { value, key };

/// A payload taken apart: what says which schema it has, and the rest.
struct Framed {
    std::optional<SchemaId> schema;  ///< nullopt: see `complaint`
    std::string_view body;
    bool has_prefix = false;          ///< Confluent's five bytes stood before it
    const char* complaint = nullptr;  ///< follows "the value is "
};

/// An id in the headers, of Confluent's or of Apicurio's clients, comes before one in the first
/// bytes of the payload.
[[nodiscard]] Framed unframe(const Payload& payload, PartOfRecord part);

}  // namespace sluice
