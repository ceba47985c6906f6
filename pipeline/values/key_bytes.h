#pragma once

#include "pipeline/table.h"

#include <string>
#include <string_view>

namespace sluice {

/// Whether equal values of a column have equal key bytes. Of other types only the database knows
/// which of their values are equal.
[[nodiscard]] bool can_be_key(const Column& column);

/// Appends a field, as COPY's binary form has it with its length, so that fields are equal bytes
/// where the database takes their values for equal once they are in the column: 1.0 and 1.00, "a"
/// and "a " in a character(2). Returns why the column would hold something else,
/// or null.
[[nodiscard]] const char* append_key_bytes(std::string& to, std::string_view field,
                                           const Column& column);

}  // namespace sluice
