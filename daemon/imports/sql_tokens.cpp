#include "daemon/imports/sql_tokens.h"

#include "config/condition/condition_tokens.h"
#include "config/text/characters.h"

#include <algorithm>
#include <array>

namespace sluice {
namespace {

constexpr std::array<std::string_view, 17> symbols{
    "#>>", "->>", "#>", "->", "::", "<=", ">=", "<>", "!=", "=", "<", ">", "(", ")", ",", ".", "-"};

bool begins_name(char c) {
    return (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

bool goes_on_name(char c) {
    return begins_name(c) || is_digit(c) || c == '$';
}

/// Of what is in `quote`, from the one at the front; a quote within is written twice. Nothing where
/// it does not end.
std::string_view quoted_part(std::string_view rest, char quote, std::string& text) {
    for (std::size_t at = 1; at < rest.size(); ++at) {
        if (rest[at] == quote && (at + 1 == rest.size() || rest[at + 1] != quote))
            return rest.substr(0, at + 1);
        if (rest[at] == quote) ++at;
        text += rest[at];
    }
    return {};
}

SqlToken next_token(std::string_view& rest) {
    SqlToken token;
    const char c = rest.front();
    std::string_view part;
    if (c == '\'' || c == '"') {
        part = quoted_part(rest, c, token.text);
        token.kind = c == '"' ? SqlToken::Kind::name : SqlToken::Kind::text;
        token.is_quoted = c == '"';
    } else if (begins_name(c)) {
        const auto* const end = std::ranges::find_if_not(rest, goes_on_name);
        part = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
        token.text = config::lower_case(part);
        token.kind = SqlToken::Kind::name;
    } else if (is_digit(c)) {
        const auto* const end = std::ranges::find_if_not(
            rest, [](char each) { return goes_on_name(each) || each == '.'; });
        part = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
        token.text = part;
        const bool is_plain =
            std::ranges::all_of(part, [](char each) { return is_digit(each) || each == '.'; });
        token.kind = is_plain ? SqlToken::Kind::number : SqlToken::Kind::other;
    } else if (!rest.starts_with("--") && !rest.starts_with("/*")) {
        const auto* const symbol = std::ranges::find_if(
            symbols, [&](std::string_view each) { return rest.starts_with(each); });
        if (symbol != symbols.end()) {
            part = rest.substr(0, symbol->size());
            token.text = part;
            token.kind = SqlToken::Kind::symbol;
        }
    }
    if (part.empty()) {
        token.kind = SqlToken::Kind::other;
        part = rest.substr(0, 1);
    }
    rest.remove_prefix(part.size());
    return token;
}

}  // namespace

std::vector<SqlToken> sql_tokens(std::string_view sql) {
    std::vector<SqlToken> tokens;
    for (sql = trimmed(sql); !sql.empty(); sql = trimmed(sql)) tokens.push_back(next_token(sql));
    tokens.emplace_back();
    return tokens;
}

}  // namespace sluice
