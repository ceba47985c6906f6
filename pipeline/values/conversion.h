#pragma once

#include "config/config.h"
#include "pipeline/values/scratch.h"
#include "pipeline/values/value.h"

#include <string_view>

namespace sluice {

struct Converted {
    Value value;
    const char* complaint = nullptr;  ///< why it cannot be understood that way: follows an excerpt
};

/// A text as `as` in the configuration says: epoch_* gives an instant, epoch_days a date, time_* a
/// time of day, base64 and hex give bytes, decimal a number with `scale` digits behind its point.
/// The text of a value, already unescaped; not for none, json and what hides.
[[nodiscard]] Converted convert(std::string_view text, config::Conversion as, std::int32_t scale,
                                Scratch& scratch);

/// Of {"scale": 2, "value": "BNI="}, as Debezium's VariableScaleDecimal is in JSON.
[[nodiscard]] Converted convert_scaled_decimal(const Value& value, Scratch& scratch);

// Of days and moments since 1970 that may be one of PostgreSQL's infinities, as Debezium writes
// them: these are texts.

[[nodiscard]] Value day_value(std::int64_t days);
[[nodiscard]] Value moment_value(Value::Kind kind, std::int64_t microseconds);
/// Of nanoseconds, cut to microseconds.
[[nodiscard]] Value cut_moment_value(Value::Kind kind, std::int64_t microseconds);

/// The 16 bytes of an interval, as a column has it.
[[nodiscard]] Value interval_value(std::int64_t microseconds, std::uint32_t days,
                                   std::uint32_t months, Scratch& scratch);

}  // namespace sluice
