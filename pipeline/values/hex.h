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

/// The bytes that lower-case hex digits stand for, as encode(…, 'hex') writes them.
[[nodiscard]] inline std::string from_hex(std::string_view hex) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    std::string bytes;
    bytes.reserve(hex.size() / 2);
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
    return bytes;
}

}  // namespace sluice
