#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Pieces of connection strings, names and settings, as imports find and write them.
namespace sluice {

/// What libpq reads again as it is.
[[nodiscard]] std::string conninfo_value(const std::string& text);

/// "user:password" of "http://user:password@host", which is without them afterwards.
[[nodiscard]] std::string taken_credentials(std::string& url);

/// Their user and the password's place, as [registry] has them; nothing for none.
[[nodiscard]] std::string registry_login(const std::string& credentials);

/// orders or "Order Items", as SQL writes it.
[[nodiscard]] std::string sql_name(std::string_view part);

/// "a, b" in its parts, without blanks around them.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text, char separator = ',');

/// All of the text; nullopt: it is no such number.
[[nodiscard]] std::optional<std::int64_t> whole_number(std::string_view text);

[[nodiscard]] std::string joined_by_commas(const std::vector<std::string>& texts);

}  // namespace sluice
