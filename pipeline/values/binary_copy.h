#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

/// COPY's binary form: every field is its length and its bytes, every number big-endian. `To` is a
/// std::string or a RowBuffer.
namespace sluice::binary_copy {

template <std::integral Int>
[[nodiscard]] inline Int big_endian(Int value) {
    static_assert(std::endian::native == std::endian::little);
    if constexpr (sizeof(Int) == 2)
        return static_cast<Int>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
    if constexpr (sizeof(Int) == 4)
        return static_cast<Int>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
    if constexpr (sizeof(Int) == 8)
        return static_cast<Int>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
    return value;
}

template <class To, std::integral Int>
inline void append_int(To& to, Int value) {
    const Int bytes = big_endian(value);
    to.append(reinterpret_cast<const char*>(&bytes), sizeof bytes);
}

template <std::integral Int>
[[nodiscard]] inline Int int_at(std::string_view bytes, std::size_t at) {
    Int value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return big_endian(value);
}

/// A field that is one number.
template <class To, std::integral Int>
inline void append_field(To& to, Int value) {
    char field[4 + sizeof(Int)];
    const std::int32_t size = big_endian(std::int32_t{sizeof(Int)});
    const Int bytes = big_endian(value);
    std::memcpy(field, &size, 4);
    std::memcpy(field + 4, &bytes, sizeof bytes);
    to.append(field, sizeof field);
}

template <class To>
inline void append_field(To& to, std::string_view bytes) {
    append_int(to, static_cast<std::int32_t>(bytes.size()));
    to.append(bytes.data(), bytes.size());
}

template <class To>
inline void append_null(To& to) {
    append_int(to, std::int32_t{-1});
}

/// Begins a row.
template <class To>
inline void append_column_count(To& to, std::size_t columns) {
    append_int(to, static_cast<std::int16_t>(columns));
}

}  // namespace sluice::binary_copy
