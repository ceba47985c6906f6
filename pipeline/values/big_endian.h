#pragma once

#include <cstdint>
#include <string_view>

namespace sluice {

/// Of at most 8 bytes, without a sign.
[[nodiscard]] inline std::uint64_t read_big_endian(std::string_view bytes) {
    std::uint64_t number = 0;
    for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
    return number;
}

/// Returns the end.
inline char* put_big_endian(char* to, std::uint64_t number, int size) {
    for (int i = size - 1; i >= 0; --i, number >>= 8) to[i] = static_cast<char>(number & 0xff);
    return to + size;
}

}  // namespace sluice
