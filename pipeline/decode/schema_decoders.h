#pragma once

#include "pipeline/decode/decoder.h"
#include "schemas/schema_text.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace sluice {

// Decoders of bytes by a schema's text. Both throw schemas::BadSchema.

[[nodiscard]] std::unique_ptr<Decoder> avro_decoder(
    std::string_view schema, std::span<const schemas::NamedSchema> references,
    const std::vector<WantedField>& wanted);

/// Which message of a .proto file.
struct MessageChoice {
    std::string_view name;                  ///< empty: see `indexes`
    std::span<const std::int32_t> indexes;  ///< as Confluent counts; none: the file's only message
};
[[nodiscard]] std::unique_ptr<Decoder> protobuf_decoder(
    const schemas::NamedSchema& file, std::span<const schemas::NamedSchema> imports,
    MessageChoice choice, const std::vector<WantedField>& wanted);

}  // namespace sluice
