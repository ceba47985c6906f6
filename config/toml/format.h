#pragma once

#include <string>
#include <string_view>

namespace sluice::config {

/// A document of TOML in the house's layout: `key = value`, no indentation, a blank line before
/// each section, nothing at the ends of lines. Comments stay where they are, and so does what spans
/// lines. The document says the same as before; one that is no TOML, or that would not, is given
/// back as it is.
[[nodiscard]] std::string formatted(std::string_view toml);

}  // namespace sluice::config
