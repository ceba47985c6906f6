#include "pipeline/values/utf8.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

namespace sluice::utf8 {

std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

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
        if (begins_character(text[i])) return 0;
    }
    if (size < 3) return size;
    const auto second = static_cast<unsigned char>(text[1]);
    const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
    const bool no_character = (lead == 0xed && second > 0x9f) || (lead == 0xf4 && second > 0x8f);
    return overlong || no_character ? 0 : size;
}

std::size_t first_invalid(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t size = character_size(text.substr(at));
        if (size == 0) break;
        at += size;
    }
    return at;
}

const char* complaint_of(std::string_view bytes) {
    if (!bytes.empty() && std::memchr(bytes.data(), 0, bytes.size()) != nullptr)
        return "contains a NUL byte, which text cannot hold";
    return simdjson::validate_utf8(bytes.data(), bytes.size()) ? nullptr : "is not UTF-8";
}

char* put(char* to, char32_t code) {
    const auto byte = [&to](char32_t value) { *to++ = static_cast<char>(value); };
    if (code < 0x80) {
        byte(code);
        return to;
    }
    if (code < 0x800) {
        byte(0xc0 | code >> 6);
    } else {
        if (code < 0x10000) {
            byte(0xe0 | code >> 12);
        } else {
            byte(0xf0 | code >> 18);
            byte(0x80 | (code >> 12 & 0x3f));
        }
        byte(0x80 | (code >> 6 & 0x3f));
    }
    byte(0x80 | (code & 0x3f));
    return to;
}

}  // namespace sluice::utf8
