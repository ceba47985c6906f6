#pragma once

#include "config/config.h"
#include "config/toml/reader.h"

#include <optional>
#include <string_view>

/// What sections say of the bytes of records' values, or of their keys.
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

/// Under which name a registry has a schema; "${topic}" in it is the topic's.
void read_subject(TableReader& section, std::string_view key, std::string& target);

}  // namespace sluice::config
