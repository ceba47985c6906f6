#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

/// Texts eight characters at a time, for what is asked of each value. All eight are read.
namespace sluice {

/// The first character is the lowest byte.
[[nodiscard]] inline std::uint64_t eight_at(const char* at) {
    static_assert(std::endian::native == std::endian::little);
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
}

[[nodiscard]] inline std::uint32_t four_at(const char* at) {
    std::uint32_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
}

/// Of characters XORed with '0': the highest bit of the first that is no digit, and others behind
/// it.
[[nodiscard]] inline std::uint64_t no_digits(std::uint64_t digits) {
    return (digits | (digits + 0x7676'7676'7676'7676)) & 0x8080'8080'8080'8080;
}

inline constexpr std::uint64_t eight_zeros = 0x3030'3030'3030'3030;

/// How many are digits before one is none.
[[nodiscard]] inline std::ptrdiff_t leading_digits(const char* at) {
    return std::countr_zero(no_digits(eight_at(at) ^ eight_zeros)) / 8;
}

/// The number that eight characters are; nullopt: one of them is no digit.
[[nodiscard]] inline std::optional<std::uint64_t> number_of_eight(std::uint64_t characters) {
    std::uint64_t digits = characters ^ eight_zeros;
    if (no_digits(digits) != 0) return std::nullopt;
    digits = digits * 10 + (digits >> 8);  // every other byte: a number of two digits
    constexpr std::uint64_t two = 0x0000'00ff'0000'00ff;
    return ((digits & two) * 0x000f'4240'0000'0064 +
            (digits >> 16 & two) * 0x0000'2710'0000'0001) >>
           32;
}
[[nodiscard]] inline std::optional<std::uint64_t> eight_digits(const char* at) {
    return number_of_eight(eight_at(at));
}

}  // namespace sluice
