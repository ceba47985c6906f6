#include "daemon/imports/connection_text.h"

#include "config/text/characters.h"
#include "config/text/sql_names.h"
#include "daemon/imports/toml_text.h"

#include <algorithm>
#include <charconv>

namespace sluice {

std::string conninfo_value(const std::string& text) {
    std::string value = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') value += '\\';
        value += c;
    }
    return value + "'";
}

std::string taken_credentials(std::string& url) {
    const std::size_t scheme = url.find("://");
    if (scheme == std::string::npos) return {};
    const std::size_t begin = scheme + 3;
    const std::size_t at = url.rfind('@', url.find('/', begin));
    if (at == std::string::npos || at < begin) return {};
    std::string credentials = url.substr(begin, at - begin);
    url.erase(begin, at + 1 - begin);
    return credentials;
}

std::string registry_login(const std::string& credentials) {
    if (credentials.empty()) return {};
    return "user = " + toml_text::quoted(credentials.substr(0, credentials.find(':'))) +
           "\npassword = { env = \"REGISTRY_PASSWORD\" }\n";
}

std::string sql_name(std::string_view part) {
    const bool plain =
        !part.empty() && !is_digit(part.front()) && std::ranges::all_of(part, [](char c) {
            return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_';
        });
    return plain ? std::string(part) : quote_identifier(part);
}

std::vector<std::string> split_list(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(separator), text.size());
        if (const auto part = trimmed(text.substr(0, end)); !part.empty()) parts.emplace_back(part);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::string joined_by_commas(const std::vector<std::string>& texts) {
    std::string text;
    for (const std::string& each : texts) text += (text.empty() ? "" : ",") + each;
    return text;
}

}  // namespace sluice
