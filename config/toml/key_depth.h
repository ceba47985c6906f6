#pragma once

#include <string_view>

namespace sluice::config {

/// The line (from 1) of the first dotted key of more than `max_parts` parts; 0: there is none.
[[nodiscard]] int line_of_deep_key(std::string_view toml, int max_parts);

}  // namespace sluice::config
