#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::utf8 {

/// The size of the character at the beginning of a text that is not empty; 0 when it is none.
[[nodiscard]] std::size_t character_size(std::string_view text);

/// How many characters: of what is none, its bytes that could begin one.
[[nodiscard]] std::size_t characters(std::string_view text);

/// Where the first byte stands that does not belong to a character; the size when there is none.
/// For messages: simdjson's check is the fast one.
[[nodiscard]] std::size_t first_invalid(std::string_view text);

/// Why these bytes are no text for the database: follows an excerpt. nullptr: they are.
[[nodiscard]] const char* complaint_of(std::string_view bytes);

/// Writes a code point, in up to 4 bytes; returns the end.
[[nodiscard]] char* put(char* to, char32_t code);

}  // namespace sluice::utf8
