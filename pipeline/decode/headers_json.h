#pragma once

#include "pipeline/record.h"
#include "pipeline/values/json_index.h"
#include "pipeline/values/scratch.h"
#include "pipeline/values/value.h"

#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Appends the headers that a JSON text stands for: {"name": "value"}, or [{"name": …, "value":
/// …}], with name_hex and value_hex where the bytes are no text, as dead letters, refused events
/// and peek have them. A string stands for its text, null for NULL, anything else for its JSON.
/// Views into `json` and `scratch`. What is wrong; empty: nothing.
[[nodiscard]] std::string read_headers_json(std::string_view json, JsonIndex& index,
                                            Scratch& scratch, std::vector<Header>& to);

}  // namespace sluice
