#pragma once

#include <cstddef>

/// How much JSON a record's bytes may become. Names, labels and defaults stand in the schema once,
/// and in JSON as often as the record has a value: a few bytes would become any amount.
namespace sluice::json_limit {

[[nodiscard]] constexpr std::size_t longest_of(std::size_t record) {
    return (16U << 20) + 16 * record;
}
inline constexpr const char* too_long = "as JSON longer than 16 MiB and 16 times the record";

/// Memory that a record took beyond this is given back before the next one.
inline constexpr std::size_t worth_keeping = 1U << 20;

}  // namespace sluice::json_limit
