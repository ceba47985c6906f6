#pragma once

#include "config/config.h"
#include "config/reader.h"

#include <optional>
#include <string_view>

/// What [ingest.NAME] says of the bytes of records' values, or of their keys.
namespace sluice::config {

/// Which keys of the section say it: "format" and "schema", "key_format" and "key_schema".
struct SchemaKeys {
    std::string_view format;
    std::string_view schema;
};

/// The schema that bytes of this format have, its file read and tried. `format`: nullopt when what
/// is written is none: checks that depend on it would only mislead then.
[[nodiscard]] Schema read_schema(TableReader& section, SchemaKeys keys,
                                 std::optional<Format> format, const Scope& scope);

}  // namespace sluice::config
