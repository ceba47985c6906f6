#pragma once

#include "schemas/zigzag.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

/// Numbers as Avro and Protobuf have them.
namespace sluice::encode {

/// The longest varint: seven bits a byte.
inline constexpr std::size_t longest_varint = 10;

/// Writes the number, the lowest bits first; returns its end.
inline char* put_varint(char* to, std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) *to++ = static_cast<char>(number | 0x80);
    *to++ = static_cast<char>(number);
    return to;
}

inline void append_varint(std::string& to, std::uint64_t number) {
    std::array<char, longest_varint> bytes;
    to.append(bytes.data(), put_varint(bytes.data(), number));
}

using schemas::zigzag;

template <class Number>
void append_little_endian(std::string& to, Number number) {
    std::array<char, sizeof(Number)> bytes;
    std::memcpy(bytes.data(), &number, sizeof number);
    to.append(bytes.data(), bytes.size());
}

}  // namespace sluice::encode
