#pragma once

#include "pipeline/values/scratch.h"

#include <cstdint>
#include <string_view>

namespace sluice {

/// SHA-256 of the salt with the text right behind it, 32 bytes.
[[nodiscard]] std::string_view salted_hash(std::string_view salt, std::string_view text,
                                           Scratch& scratch);

/// A star for each character of UTF-8 but the last so many, and for each of a text that has no more
/// than these: a short one would be shown whole.
[[nodiscard]] std::string_view masked(std::string_view text, std::int32_t shown, Scratch& scratch);

}  // namespace sluice
