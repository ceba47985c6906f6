#pragma once

#include "pipeline/values/scratch.h"
#include "pipeline/values/value.h"

#include <cstdint>
#include <string_view>

namespace sluice {

// Values as the text that the database's input functions read, written into Scratch.

[[nodiscard]] Value decimal_value(std::int64_t number, Scratch& scratch);
/// UTC, microseconds since 1970; null where a timestamp does not reach.
[[nodiscard]] Value timestamp_value(std::int64_t microseconds, int decimals, Scratch& scratch);
/// The time of day of such a moment, in seconds.
[[nodiscard]] Value time_value(std::int64_t microseconds, Scratch& scratch);

/// Why these bytes are no text for the database: follows an excerpt. nullptr: they are.
[[nodiscard]] const char* complaint_of_text(std::string_view bytes);

}  // namespace sluice
