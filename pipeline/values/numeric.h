#pragma once

#include "pipeline/values/encoder.h"

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

[[nodiscard]] Verdict encode_decimal(const Decimal& decimal, const Column& column,
                                     Encoding& encoding, std::string& to);

/// For a text that is no number here: perhaps the database knows better.
[[nodiscard]] Verdict refuse_number(std::string_view text, std::string_view complaint,
                                    Encoding& encoding);

}  // namespace sluice
