#include "sinks/session/server_text.h"

#include "config/text/characters.h"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace sluice {
namespace {

bool is_of_a_word(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// Where a name stands by itself, not within a longer one; npos: nowhere.
std::size_t find_name(std::string_view name, std::string_view line) {
    for (auto at = line.find(name); at != std::string_view::npos; at = line.find(name, at + 1)) {
        const std::size_t behind = at + name.size();
        const bool begins = at == 0 || !is_of_a_word(line[at - 1]);
        if (begins && (behind == line.size() || !is_of_a_word(line[behind]))) return at;
    }
    return std::string_view::npos;
}

/// The first number with something else than a letter before it; `rest` is then what follows it.
std::optional<std::size_t> first_number(std::string_view& rest) {
    for (std::size_t i = 0; i < rest.size(); ++i) {
        if (!is_digit(rest[i]) || (i > 0 && rest[i - 1] != ' ')) continue;
        std::size_t number = 0;
        const char* const end = rest.data() + rest.size();
        const auto [behind, error] = std::from_chars(rest.data() + i, end, number);
        if (error != std::errc() || number == 0) return std::nullopt;
        rest.remove_prefix(static_cast<std::size_t>(behind - rest.data()));
        return number;
    }
    return std::nullopt;
}

std::optional<CopyHint> hint_of_line(std::string_view line, std::string_view relation,
                                     const std::vector<std::string>& columns) {
    constexpr std::string_view copy = "COPY";
    const auto at_copy = line.find(copy);
    const auto at_relation = find_name(relation, line);
    if (at_copy == std::string_view::npos || at_relation == std::string_view::npos)
        return std::nullopt;
    line.remove_prefix(std::max(at_copy + copy.size(), at_relation + relation.size()));
    const auto number = first_number(line);
    if (!number) return std::nullopt;
    CopyHint hint{number, {}};
    // A column's name may hold what ends it.
    for (const std::string& column : columns) {
        const auto at = line.find(" " + column);
        if (at == std::string_view::npos || line.find(": ") < at) continue;
        const std::string_view behind = line.substr(at + 1 + column.size());
        const bool ends = behind.empty() || behind.starts_with(":") || behind.starts_with(" :");
        if (ends && column.size() > hint.column.size()) hint.column = column;
    }
    return hint;
}

}  // namespace

CopyHint copy_hint(std::string_view context, std::string_view relation,
                   const std::vector<std::string>& columns) {
    // What a trigger did stands before COPY's own line, what COPY quotes stands behind it.
    while (!context.empty()) {
        const std::string_view line = context.substr(0, context.find('\n'));
        if (auto hint = hint_of_line(line, relation, columns)) return *hint;
        context.remove_prefix(std::min(line.size() + 1, context.size()));
    }
    return {};
}

bool mentions(std::string_view text, std::string_view name) {
    return !name.empty() && find_name(name, text) != std::string_view::npos;
}

std::optional<std::size_t> parameter_hint(std::string_view context) {
    const std::size_t at = context.find('$');
    if (at == std::string_view::npos) return std::nullopt;
    std::size_t number = 0;
    const char* const end = context.data() + context.size();
    const auto error = std::from_chars(context.data() + at + 1, end, number).ec;
    if (error != std::errc() || number == 0) return std::nullopt;
    return number - 1;
}

}  // namespace sluice
