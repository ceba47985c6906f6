#pragma once

#include "config/text/sql_names.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// "a", "b", each with the prefix before it.
[[nodiscard]] std::string identifier_list(const std::vector<std::string>& names,
                                          std::string_view prefix = "");
/// The name, or with underscores behind it, as none of these is.
[[nodiscard]] std::string unused_name(std::string name, const std::vector<std::string>& taken);
/// '…' with standard_conforming_strings.
[[nodiscard]] std::string quote_literal(std::string_view text);
/// $sluice$…$sluice$, whatever it holds.
[[nodiscard]] std::string dollar_quoted(const std::string& text);
/// {1,2,3}
[[nodiscard]] std::string array_literal(const std::vector<std::int64_t>& numbers);
/// {"a","b"}
[[nodiscard]] std::string array_literal(const std::vector<std::string>& texts);
/// What the server shows of a text[] of one dimension without NULLs.
[[nodiscard]] std::vector<std::string> parse_array(std::string_view literal);
/// The text with each @place@ filled in, once: what is filled in may look like one.
[[nodiscard]] std::string filled_in(std::string_view text,
                                    const std::map<std::string_view, std::string>& of_place);

}  // namespace sluice
