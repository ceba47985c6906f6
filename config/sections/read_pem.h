#pragma once

#include "config/toml/reader.h"

#include <string_view>

namespace sluice::config {

/// PEM itself, as { file = … } gives it, or the path of a file with it.
[[nodiscard]] Secret read_pem(TableReader& section, std::string_view key, std::string_view example,
                              const Scope& scope);
/// One of the two without the other is a problem.
void refuse_half_of(TableReader& section);

}  // namespace sluice::config
