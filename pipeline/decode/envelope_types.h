#pragma once

#include "config/config.h"
#include "pipeline/values/scratch.h"
#include "pipeline/values/value.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace sluice {

/// What a field's JSON stands for, as the schema that stands beside it says.
struct EnvelopeType {
    config::Conversion as = config::Conversion::none;
    std::int32_t scale = 0;  ///< of decimals
    bool has_zone = true;    ///< of moments
    /// What no `as` of the configuration says.
    enum class Form : std::uint8_t {
        simple,
        json,                   ///< a text that is JSON
        scaled_decimal,         ///< {"scale": 2, "value": "BNI="}
        microseconds_interval,  ///< a number
        nanoseconds_interval,
    };
    Form form = Form::simple;
};

/// A field's value by its type. What cannot be read that way stays what it is: its column refuses
/// it.
void apply(const EnvelopeType& type, Value& value, Scratch& scratch);

/// Types of a row's fields by their names, from Kafka Connect's schema as JSON: of the envelope's
/// "after", or of the row itself where it has no envelope. Those that are what they look like are
/// left out. Empty where it is no schema.
[[nodiscard]] std::map<std::string, EnvelopeType, std::less<>> envelope_types(
    std::string_view schema);

}  // namespace sluice
