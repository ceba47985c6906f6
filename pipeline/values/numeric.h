#pragma once

#include "pipeline/values/encoder.h"

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// A numeric as its text has it: sign, digits without leading zeros and without the point.
struct Decimal {
    bool negative = false;
    std::string_view digits;
    int point = 0;  ///< so many of them stand before it; may be negative or beyond the last
    int scale = 0;  ///< digits behind it, as written
};

/// Digits that a numeric has behind its point at most.
inline constexpr std::int32_t most_scale = 16383;

using Digits = std::array<char, 1024>;

/// Exotic: too long for us, or in a form that the database alone knows.
enum class ReadDecimal { done, wrong, exotic };

/// [sign] digits [. digits] [e exponent], at least one digit. `digits` is what `decimal` looks
/// into.
[[nodiscard]] ReadDecimal read_decimal(std::string_view text, Digits& digits, Decimal& decimal);

inline constexpr std::array<std::uint64_t, 20> powers_of_ten = [] {
    std::array<std::uint64_t, 20> powers{1};
    for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
    return powers;
}();

/// A number as nearly all are written: digits, perhaps a point among them, and perhaps a minus.
struct PlainDecimal {
    std::uint64_t digits = 0;  ///< as if there were no point
    std::size_t scale = 0;     ///< how many of them are behind it; has a power of ten
    bool negative = false;
};
/// nullopt: it is something else, or longer.
[[nodiscard]] std::optional<PlainDecimal> read_plain_decimal(std::string_view text);

/// As numbers: 1.0 equals 1.00, and -0 equals 0.
[[nodiscard]] std::strong_ordering compare(const Decimal& left, const Decimal& right);

[[nodiscard]] Verdict encode_decimal(const Decimal& decimal, const Column& column,
                                     Encoding& encoding, RowBuffer& to);

/// For a text that is no number here: perhaps the database knows better.
[[nodiscard]] Verdict refuse_number(std::string_view text, std::string_view complaint,
                                    Encoding& encoding);

}  // namespace sluice
