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
/// a column of a subselect's own table. `row`: what the row as a whole is called, in lower case; an
/// expression that uses it uses all names.
[[nodiscard]] std::vector<std::size_t> names_used_in(std::string_view sql,
                                                     const std::vector<std::string>& names,
                                                     std::string_view row = "record");

/// Whether SQL, or a function in PL/pgSQL, uses the row for more than its fields. To return it is
/// no use.
[[nodiscard]] bool uses_whole_row(std::string_view sql, std::string_view row);

/// What is wrong with an SQL expression that shall stand within others, as far as that can be told
/// without the database; empty: nothing.
[[nodiscard]] std::string wrong_with_sql(std::string_view sql);

}  // namespace sluice::config
