#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::utf8 {

/// The size of the character at the beginning of a text that is not empty; 0 when it is none.
[[nodiscard]] std::size_t character_size(std::string_view text);

/// Where the first byte stands that does not belong to a character; the size when there is none.
/// For messages: simdjson's check is the fast one.
[[nodiscard]] std::size_t first_invalid(std::string_view text);

}  // namespace sluice::utf8
