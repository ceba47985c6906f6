#pragma once

#include "config/config.h"

#include <string>
#include <variant>

namespace sluice::config {

/// What of a pipeline decides which sources it has.
struct RecordShape {
    Format format = Format::json;
    Envelope envelope = Envelope::none;
};

/// A field of a condition, written as a column's source is; or what is wrong with it.
[[nodiscard]] std::variant<Source, std::string> parse_condition_field(const std::string& name,
                                                                      RecordShape shape);

/// A condition over sources of such records, as users write it in `filter`; or what is wrong with
/// it: `character 10: expected a whole number, found "x"`.
[[nodiscard]] std::variant<Filter, std::string> parse_filter(const std::string& text,
                                                             RecordShape shape);

}  // namespace sluice::config
