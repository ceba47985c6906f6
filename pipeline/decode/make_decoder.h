#pragma once

#include "config/config.h"
#include "pipeline/decode/decoder.h"
#include "pipeline/decode/registry/schema_source.h"

#include <memory>
#include <vector>

namespace sluice {

// The one place that knows which decoder a format has. Throw WrongConfiguration where a registry is
// asked for, and `registry` is null because none is configured.

/// Of records' values, which tells their fields by their schemas where columns are to be added for
/// them; null for a format without fields, whose value is what it is, NULL included.
[[nodiscard]] std::unique_ptr<Decoder> make_value_decoder(
    const config::Ingest& ingest, std::vector<WantedField> wanted,
    const std::shared_ptr<SchemaSource>& registry);
/// Of records' keys, where `wanted` says that fields of theirs are; else null.
[[nodiscard]] std::unique_ptr<Decoder> make_key_decoder(
    const config::Ingest& ingest, std::vector<WantedField> wanted,
    const std::shared_ptr<SchemaSource>& registry);

}  // namespace sluice
