#include "pipeline/excerpt.h"

#include <cstdio>

namespace sluice {

namespace {

/// The size of the UTF-8 character at the beginning, 0 when it is none (or is cut off).
std::size_t character_size(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t size = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
    if (size > text.size()) return 0;
    for (std::size_t i = 1; i < size; ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
    }
    if (size < 3) return size;
    const auto second = static_cast<unsigned char>(text[1]);
    const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
    const bool no_character = (lead == 0xed && second > 0x9f) || (lead == 0xf4 && second > 0x8f);
    return overlong || no_character ? 0 : size;
}

}  // namespace

std::string excerpt(std::string_view value) {
    constexpr int longest = 64;
    std::string shown = "\"";
    for (int characters = 0; !value.empty(); ++characters) {
        if (characters == longest) {
            shown += "…";
            break;
        }
        const std::size_t size = character_size(value);
        const auto first = static_cast<unsigned char>(value[0]);
        if (size == 0 || first < 0x20 || first == 0x7f) {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\x%02x", first);
            shown += escaped;
            value.remove_prefix(1);
        } else {
            shown += value.substr(0, size);
            value.remove_prefix(size);
        }
    }
    return shown + '"';
}

}  // namespace sluice
