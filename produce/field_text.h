#pragma once

#include "pipeline/values/json_index.h"
#include "produce/message_plan.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What a field's text becomes on its way into a message.
namespace sluice::produce {

/// The text that `as` in the pipeline's configuration makes this one of: a time as the database
/// writes it becomes a number since 1970, \x… becomes base64 or hex. What has that form already
/// stays. nullopt: it is neither; `problem` says what is expected.
[[nodiscard]] std::optional<std::string> revert(std::string_view text, config::Conversion as,
                                                std::string& problem);

/// The bytes of \x…; nullopt when it is not that.
[[nodiscard]] std::optional<std::string> bytes_of(std::string_view text);

/// Milliseconds since 1970 of a number of them, or of a time as ISO 8601 or the database writes it
/// (UTC without a zone).
[[nodiscard]] std::optional<std::int64_t> milliseconds_of(std::string_view text);

/// Appends a CSV field's text as a JSON value. False: `style` asks for JSON and it is none.
[[nodiscard]] bool append_json(std::string& to, std::string_view text, Field::Style style,
                               JsonIndex& index);

/// Appends a field of CSV; nullopt: NULL.
void append_csv(std::string& to, const std::optional<std::string_view>& text,
                const config::Csv& csv);

}  // namespace sluice::produce
