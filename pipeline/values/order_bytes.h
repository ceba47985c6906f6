#pragma once

#include "pipeline/table.h"

#include <string>
#include <string_view>

namespace sluice {

/// Whether values of the column can be put in the database's order without asking it.
[[nodiscard]] bool can_order(const Column& column);

/// Appends what sorts, byte by byte, as the database sorts the column's values: of two values the
/// smaller one has the smaller bytes, equal ones have equal bytes. `key_bytes`: what
/// append_key_bytes() made of the value.
void append_order_bytes(std::string& to, std::string_view key_bytes, const Column& column);

}  // namespace sluice
