#pragma once

#include "pipeline/values/value.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice {

/// Appends a value of kind text, json or bytes, or one that has a type, as a text that the
/// database's input functions take; bytes as bytea's own, the rest as the database would write it.
/// Not for null.
void append_canonical_text(std::string& to, const Value& value);
/// A value that has a type as JSON: numbers and booleans as such, the rest in quotes.
void append_canonical_json(std::string& to, const Value& value);

/// Bytes of a decimal beyond which the database surely has no room for it.
constexpr std::size_t longest_decimal = 65536;
/// Within JSON: of what a number of any length costs to write.
constexpr std::size_t longest_decimal_in_json = 4096;
/// Appends the digits of a decimal's whole number, without its sign and without leading zeros;
/// returns whether it is negative.
bool append_digits(std::string& to, std::string_view twos_complement);

}  // namespace sluice
