#pragma once

#include "pipeline/json_index.h"
#include "pipeline/record.h"
#include "pipeline/value.h"

#include <string_view>
#include <vector>

namespace sluice {

/// Appends the headers that {"name": "value", "other": null} stands for, as "@headers" gives them;
/// numbers, true and false are taken by their text. Views into `json` and `scratch`. False: it is
/// no such object.
[[nodiscard]] bool read_headers_json(std::string_view json, JsonIndex& index, Scratch& scratch,
                                     std::vector<Header>& to);

}  // namespace sluice
