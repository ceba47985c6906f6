#pragma once

#include "pipeline/encode/json_tree.h"
#include "pipeline/values/scratch.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

/// What a value of JSON is as one of a schema's types. Numbers may be written as strings, as rows
/// of CSV and writers of large ones have them. Each returns nullptr, or what is wrong, to follow
/// the value in a message.
namespace sluice::encode {

using Complaint = const char*;

[[nodiscard]] Complaint read_boolean(const JsonNode& node, bool& to);
/// 5, "5", 5.0 and 5e0 are the same.
[[nodiscard]] Complaint read_integer(const JsonNode& node, std::int64_t& to);
[[nodiscard]] Complaint read_unsigned(const JsonNode& node, std::uint64_t& to);
/// "NaN", "Infinity" and "-Infinity", too.
[[nodiscard]] Complaint read_real(const JsonNode& node, double& to);
[[nodiscard]] Complaint read_real(const JsonNode& node, float& to);

/// The number times 10^`scale`, which must be a whole one, as the fewest bytes of two's complement,
/// big-endian. `precision`: so many digits at most; 0: any number.
[[nodiscard]] Complaint read_decimal(const JsonNode& node, std::int32_t scale,
                                     std::int32_t precision, std::string& to);
/// With as many digits behind its point as are written.
[[nodiscard]] Complaint read_scaled_decimal(const JsonNode& node, std::int32_t& scale,
                                            std::string& to);

/// What a string stands for that does not begin with \x, and so is not hexadecimal.
enum class OtherBytes { its_own, base64 };
[[nodiscard]] Complaint read_bytes(const JsonNode& node, OtherBytes other, Scratch& memory,
                                   std::string_view& to);
[[nodiscard]] Complaint read_uuid(const JsonNode& node, std::array<char, 16>& to);

/// Days since 1970: of a date, or the number itself.
[[nodiscard]] Complaint read_date(const JsonNode& node, std::int64_t& to);
/// Of a day: microseconds of a text; a number stays what it is, in the schema's own unit.
struct Moment {
    bool is_number = false;
    std::int64_t value = 0;
};
[[nodiscard]] Complaint read_clock(const JsonNode& node, Moment& to);
/// Since 1970 UTC; without a zone it is UTC.
[[nodiscard]] Complaint read_instant(const JsonNode& node, Moment& to);

struct Interval {
    std::int64_t months = 0;
    std::int64_t days = 0;
    std::int64_t microseconds = 0;
};
/// As the database writes it: "1 mon 2 days 03:04:05.5".
[[nodiscard]] Complaint read_interval(const JsonNode& node, Interval& to);

}  // namespace sluice::encode
