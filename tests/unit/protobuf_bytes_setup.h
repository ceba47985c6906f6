#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

/// Protobuf's bytes by hand: each call gives a field with its tag.
namespace sluice::protobuf_bytes {

inline std::string varint(std::uint64_t number) {
    std::string bytes;
    for (; number >= 0x80; number >>= 7) bytes += static_cast<char>(number | 0x80);
    return bytes + static_cast<char>(number);
}
inline std::string tag(std::uint32_t field, std::uint32_t type) {
    return varint(std::uint64_t{field} << 3 | type);
}
inline std::string number(std::uint32_t field, std::int64_t value) {
    return tag(field, 0) + varint(static_cast<std::uint64_t>(value));
}
inline std::string zigzag(std::uint32_t field, std::int64_t value) {
    return tag(field, 0) +
           varint(static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
}
/// float, double and the integers of a fixed size.
template <class Number>
std::string fixed(std::uint32_t field, Number value) {
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    return tag(field, sizeof value == 8 ? 1 : 5) + bytes;
}
/// Strings, bytes, messages, packed lists.
inline std::string sized(std::uint32_t field, std::string_view content) {
    return tag(field, 2) + varint(content.size()) + std::string(content);
}
inline std::string group(std::uint32_t field, std::string_view content) {
    return tag(field, 3) + std::string(content) + tag(field, 4);
}

}  // namespace sluice::protobuf_bytes
