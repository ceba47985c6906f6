#pragma once

#include "pipeline/values/value.h"

#include <span>
#include <string>
#include <string_view>

/// COPY's text form: tabs between fields, \N for NULL, backslash escapes.
namespace sluice::copy_text {

/// Appends a row of values of kind null, text, json or bytes, or that have a type, with its line
/// end.
void append_row(std::string& to, std::span<const Value> values);

/// The text that stands in a field.
[[nodiscard]] std::string unescaped(std::string_view field);

}  // namespace sluice::copy_text
