#pragma once

#include "pipeline/decode/decoder.h"
#include "schemas/avro_schema.h"
#include "schemas/protobuf_schema.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace sluice {

// Decoders of bytes by a schema, which several of them may share.

[[nodiscard]] std::unique_ptr<Decoder> avro_decoder(
    std::shared_ptr<const schemas::AvroSchema> schema, const std::vector<WantedField>& wanted);

/// Which message of a .proto file.
struct MessageChoice {
    std::string_view name;                  ///< empty: see `indexes`
    std::span<const std::int32_t> indexes;  ///< as Confluent counts; none: the file's only message
};
/// Throws schemas::BadSchema for a message that is not there.
[[nodiscard]] std::unique_ptr<Decoder> protobuf_decoder(
    std::shared_ptr<const schemas::ProtobufSchema> schema, MessageChoice choice,
    const std::vector<WantedField>& wanted);

}  // namespace sluice
