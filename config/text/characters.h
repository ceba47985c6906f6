#pragma once

#include <string_view>

namespace sluice {

/// As PostgreSQL's input functions trim: by isspace() of the C locale.
[[nodiscard]] inline bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}
[[nodiscard]] inline std::string_view trimmed(std::string_view text) {
    const char* begin = text.data();
    const char* end = begin + text.size();
    while (begin != end && is_space(*begin)) ++begin;
    while (begin != end && is_space(end[-1])) --end;
    return {begin, static_cast<std::size_t>(end - begin)};
}
[[nodiscard]] inline bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
/// -1: not a hexadecimal digit.
[[nodiscard]] inline int hex_digit(char c) {
    if (is_digit(c)) return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}
/// Of ASCII letters.
[[nodiscard]] inline char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
[[nodiscard]] inline bool equal_ignoring_case(std::string_view left, std::string_view right) {
    if (left.size() != right.size()) return false;
    for (std::size_t i = 0; i < left.size(); ++i) {
        if (to_lower(left[i]) != to_lower(right[i])) return false;
    }
    return true;
}

}  // namespace sluice
