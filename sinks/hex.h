#pragma once

#include <string>
#include <string_view>

namespace sluice {

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
