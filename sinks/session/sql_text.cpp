#include "sinks/session/sql_text.h"

#include <algorithm>
#include <charconv>

namespace sluice {

std::string identifier_list(const std::vector<std::string>& names, std::string_view prefix) {
    std::string list;
    for (const std::string& name : names)
        list.append(list.empty() ? "" : ", ").append(prefix).append(quote_identifier(name));
    return list;
}

std::string unused_name(std::string name, const std::vector<std::string>& taken) {
    while (std::ranges::find(taken, name) != taken.end()) name += '_';
    return name;
}

std::string quote_literal(std::string_view text) {
    std::string quoted = "'";
    for (const char c : text) {
        if (c == '\'') quoted += '\'';
        quoted += c;
    }
    return quoted + "'";
}

std::string dollar_quoted(const std::string& text) {
    std::string tag = "$sluice$";
    while (text.find(tag) != std::string::npos) tag.insert(tag.size() - 1, "_");
    return tag + text + tag;
}

std::string array_literal(const std::vector<std::int64_t>& numbers) {
    std::string literal = "{";
    for (const std::int64_t number : numbers) {
        if (literal.size() > 1) literal += ',';
        char digits[24];
        literal.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
    }
    return literal + "}";
}

std::string array_literal(const std::vector<std::string>& texts) {
    std::string literal = "{";
    for (const std::string& text : texts) {
        if (literal.size() > 1) literal += ',';
        literal += '"';
        for (const char c : text) {
            if (c == '"' || c == '\\') literal += '\\';
            literal += c;
        }
        literal += '"';
    }
    return literal + "}";
}

std::vector<std::string> parse_array(std::string_view literal) {
    std::vector<std::string> texts;
    bool quoted = false;
    bool inside = false;
    for (std::size_t i = 1; i + 1 < literal.size(); ++i) {
        const char c = literal[i];
        if (!inside) {
            texts.emplace_back();
            inside = true;
        }
        if (c == '"') {
            quoted = !quoted;
        } else if (c == ',' && !quoted) {
            inside = false;
        } else if (c == '\\') {
            texts.back() += literal[++i];
        } else {
            texts.back() += c;
        }
    }
    return texts;
}

std::string filled_in(std::string_view text,
                      const std::map<std::string_view, std::string>& of_place) {
    std::string filled;
    for (;;) {
        const std::size_t begin = text.find('@');
        filled += text.substr(0, begin);
        if (begin == std::string_view::npos) return filled;
        const std::size_t end = text.find('@', begin + 1);
        filled += of_place.at(text.substr(begin + 1, end - begin - 1));
        text.remove_prefix(end + 1);
    }
}

}  // namespace sluice
