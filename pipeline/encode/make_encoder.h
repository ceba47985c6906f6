#pragma once

#include "pipeline/encode/record_encoder.h"
#include "schemas/schema_text.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace sluice {

/// What records are to be written by.
struct WrittenSchema {
    schemas::SchemaText schema;
    /// By which a registry knows it: stands before each record then, as Confluent's clients have
    /// it. nullopt: the bare bytes.
    std::optional<std::uint32_t> id{};
    std::string message{};  ///< of a .proto file; empty: it has only one
};

/// Throws schemas::BadSchema.
[[nodiscard]] std::unique_ptr<RecordEncoder> make_encoder(const WrittenSchema& written);

}  // namespace sluice
