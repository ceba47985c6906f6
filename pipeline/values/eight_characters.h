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

/// Of eight hexadecimal digits the four bytes; nullopt: one of them is none.
[[nodiscard]] inline std::optional<std::uint32_t> bytes_of_eight_hex(std::uint64_t characters) {
    constexpr std::uint64_t highest = 0x8080'8080'8080'8080;
    constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
    const auto at_least = [](std::uint64_t bytes, std::uint64_t least) {
        return (bytes & ~highest) + ones * (0x80 - least);  // in the highest bit of each
    };
    const std::uint64_t digits = characters ^ eight_zeros;
    const std::uint64_t letters = (characters | 0x20 * ones) ^ 0x60 * ones;  // from 'a' on: 1
    const std::uint64_t no_digit = (at_least(digits, 10) | digits) & highest;
    const std::uint64_t letter = at_least(letters, 1) & ~at_least(letters, 7) & ~letters & highest;
    if (no_digit != letter) return std::nullopt;
    std::uint64_t halves = (characters & 0x0f * ones) + (letter >> 7) * 9;
    halves = (halves << 4 | halves >> 8) & 0x00ff'00ff'00ff'00ff;
    halves = (halves | halves >> 8) & 0x0000'ffff'0000'ffff;
    return static_cast<std::uint32_t>(halves | halves >> 16);
}

}  // namespace sluice
