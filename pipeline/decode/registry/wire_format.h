#pragma once

#include "pipeline/decode/decoder.h"
#include "pipeline/decode/registry/schema_source.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice {

/// What a payload is of its record: the names of headers differ.
enum class PartOfRecord { value, key };

/// A payload taken apart: what says which schema it has, and the rest.
struct Framed {
    std::optional<SchemaId> schema;  ///< nullopt: see `complaint`
    std::string_view body;
    bool has_prefix = false;          ///< Confluent's five bytes stood before it
    const char* complaint = nullptr;  ///< follows "the value is "
    std::string_view behind_id;       ///< of the header that the id is in
    std::string_view message_name;    ///< a Protobuf message's, as Apicurio's clients name it
};

/// An id in the headers, of Confluent's or of Apicurio's clients, comes before one in the first
/// bytes of the payload.
[[nodiscard]] Framed unframe(const Payload& payload, PartOfRecord part);

/// The payload without what stands before its body.
[[nodiscard]] Payload rest_of(const Payload& payload, std::string_view body);

/// Which message of a Protobuf file a record is.
struct NamedMessage {
    std::string_view raw;   ///< tells one from another
    std::string_view name;  ///< empty: by indexes
    /// From the file's top level inwards; none where a name is.
    [[nodiscard]] std::vector<std::int32_t> indexes() const;
};

/// Takes Confluent's message indexes off the front of the body, if they stand there. nullopt: they
/// are damaged.
[[nodiscard]] std::optional<NamedMessage> take_message(Framed& framed);
/// Follows "the value is " where they are.
inline constexpr const char* damaged_message =
    "not in the registry's wire format: which message of its schema it is cannot be read";

}  // namespace sluice
