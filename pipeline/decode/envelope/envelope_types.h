#pragma once

#include "config/config.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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
        list,       ///< of parts[0]
        map,        ///< to values of parts[0]
        structure,  ///< with parts by `names`; those that are what they look like are left out
    };
    Form form = Form::simple;
    std::vector<std::string> names = {};
    std::vector<EnvelopeType> parts = {};

    /// Of a field of a structure or map, or of a list's element; nullptr: it is what it looks like.
    [[nodiscard]] const EnvelopeType* part(std::string_view name) const;
    [[nodiscard]] const EnvelopeType* at(std::span<const std::string> path) const;
};

/// What Kafka Connect's schema says of a change event. Structures without parts where it says
/// nothing.
struct EventTypes {
    EnvelopeType event{.form = EnvelopeType::Form::structure};  ///< empty: the row has no envelope
    EnvelopeType row{.form = EnvelopeType::Form::structure};
};

/// Of a schema as JSON: the row is its "after", or itself.
[[nodiscard]] EventTypes event_types(std::string_view schema);

}  // namespace sluice
