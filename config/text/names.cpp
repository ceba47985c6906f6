#include "config/text/names.h"

#include "config/text/characters.h"

#include <algorithm>
#include <string>

namespace sluice::config {
namespace {

constexpr std::string_view name_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

/// Takes one part of a table's name off the front: plain, or in double quotes.
bool take_name_part(std::string_view& text) {
    if (text.empty()) return false;
    if (text.front() != '"') {
        const std::size_t end = std::min(text.find('.'), text.size());
        const std::string_view part = text.substr(0, end);
        text.remove_prefix(end);
        return !part.empty() && !(part.front() >= '0' && part.front() <= '9') &&
               part.find_first_of(" \t\"'`(),;:*-+/\\") == std::string_view::npos;
    }
    std::size_t at = 1;
    while (at < text.size() && (text[at] != '"' || text.substr(at, 2) == "\"\"")) {
        at += text[at] == '"' ? 2 : 1;
    }
    if (at >= text.size() || at == 1) return false;
    text.remove_prefix(at + 1);
    return true;
}

}  // namespace

bool is_pipeline_name(std::string_view name) {
    constexpr std::size_t longest = 63;
    return !name.empty() && name.size() <= longest &&
           name.find_first_not_of(name_characters) == std::string_view::npos;
}

bool is_topic_name(std::string_view name) {
    constexpr std::size_t longest = 249;
    return !name.empty() && name.size() <= longest && name != "." && name != ".." &&
           name.find_first_not_of(std::string(name_characters) + '.') == std::string_view::npos;
}

bool has_control_character(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool is_table_name(std::string_view text) {
    if (has_control_character(text) || !take_name_part(text)) return false;
    if (text.empty()) return true;
    if (text.front() != '.') return false;
    text.remove_prefix(1);
    return take_name_part(text) && text.empty();
}

std::string folded_table_name(std::string_view text) {
    std::string folded;
    bool is_quoted = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool is_doubled = is_quoted && text.substr(at, 2) == "\"\"";
        if (text[at] == '"' && !is_doubled) {
            is_quoted = !is_quoted;
            continue;
        }
        if (is_doubled) ++at;
        // A dot within quotes is no separator.
        const bool separates = text[at] == '.' && !is_quoted;
        folded += separates ? '\0' : is_quoted ? text[at] : to_lower(text[at]);
    }
    return folded;
}

}  // namespace sluice::config
