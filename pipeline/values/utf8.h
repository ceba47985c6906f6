#pragma once

#include "pipeline/values/eight_characters.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::utf8 {

/// The size of the character at the beginning of a text that is not empty; 0 when it is none.
[[nodiscard]] std::size_t character_size(std::string_view text);

[[nodiscard]] constexpr bool begins_character(char c) {
    return (c & '\xC0') != '\x80';
}

/// How many characters: of what is none, its bytes that could begin one.
[[nodiscard]] std::size_t characters(std::string_view text);

/// Where the first byte stands that does not belong to a character; the size when there is none.
/// For messages: simdjson's check is the fast one.
[[nodiscard]] std::size_t first_invalid(std::string_view text);

/// Whether all of it is ASCII without NUL, as nearly all texts are. Here, since it is asked for
/// every one.
[[nodiscard]] inline bool is_plain(std::string_view text) {
    constexpr std::uint64_t ones = 0x0101010101010101;
    constexpr std::uint64_t high = 0x8080808080808080;
    const auto eight = [&text](std::size_t at) {
        const std::uint64_t word = eight_at(text.data() + at);
        return word | (word - ones);  // in a word of plain characters, only a NUL borrows
    };
    std::uint64_t found = 0;
    std::size_t at = 0;
    for (; at + 8 <= text.size(); at += 8) found |= eight(at);
    if (at == text.size()) return (found & high) == 0;
    if (at > 0) return ((found | eight(text.size() - 8)) & high) == 0;
    for (const char c : text) found |= static_cast<unsigned char>(c | (c - 1));
    return (found & high) == 0;
}

/// Why these bytes are no text for the database: follows an excerpt. nullptr: they are.
[[nodiscard]] const char* complaint_of(std::string_view bytes);

/// Writes a code point, in up to 4 bytes; returns the end.
[[nodiscard]] char* put(char* to, char32_t code);

}  // namespace sluice::utf8
