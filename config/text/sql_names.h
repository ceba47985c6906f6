#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// In double quotes: one identifier, whatever the name is.
[[nodiscard]] std::string quote_identifier(std::string_view name);

}  // namespace sluice

namespace sluice::config {

/// Which of these names an SQL expression uses, by their index, ascending. Tells names from texts,
/// comments and functions that are called, and not whether they mean something else there, such as
/// a column of a subselect's own table.
[[nodiscard]] std::vector<std::size_t> names_used_in(std::string_view sql,
                                                     const std::vector<std::string>& names);

/// Whether an SQL expression closes parentheses or brackets that it has not opened: within others,
/// it would not be one.
[[nodiscard]] bool closes_too_many(std::string_view sql);
inline constexpr std::string_view closes_what_is_not_open =
    "a parenthesis or bracket is closed that is not open; write one expression";

}  // namespace sluice::config
