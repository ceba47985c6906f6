#pragma once

#include "pipeline/scratch.h"

#include <cstdint>
#include <string_view>

namespace sluice {

/// What a column's source holds for one record. A view: into the record, or into Scratch.
struct Value {
    /// In order: nothing to encode, what encoders know, what JSON still has to be turned into that.
    enum class Kind : std::uint8_t {
        missing,
        null,
        text,         ///< UTF-8 without NUL, to be read as the database's input function reads it
        bytes,        ///< any bytes
        json,         ///< JSON text that is known to be valid
        json_string,  ///< from a JSON string: what is between its quotes, still escaped
        json_scalar,  ///< a JSON number, true or false, as it stands there
        json_object,
        json_array,
    };
    Kind kind = Kind::missing;
    std::string_view text;
    bool escaped = false;  ///< json_string: may hold escapes
};

}  // namespace sluice
