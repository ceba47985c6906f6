#pragma once

#include <string>
#include <string_view>

namespace sluice {

/// Appends two digits for each byte.
inline void append_hex(std::string& to, std::string_view bytes) {
    constexpr char digits[] = "0123456789abcdef";
    for (const char c : bytes) {
        to += digits[static_cast<unsigned char>(c) >> 4];
        to += digits[static_cast<unsigned char>(c) & 15];
    }
}

/// As bytea's own text has it.
[[nodiscard]] inline std::string bytea_text(std::string_view bytes) {
    std::string text = "\\x";
    append_hex(text, bytes);
    return text;
}

}  // namespace sluice
