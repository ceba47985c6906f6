#include "pipeline/values/json_cursor.h"

#include "config/text/characters.h"
#include "pipeline/values/eight_characters.h"

#include <algorithm>
#include <utility>

namespace sluice {

bool JsonCursor::fail(const char* what) {
    if (error_.what == nullptr) error_ = {what, *token_};
    return false;
}

bool JsonCursor::check_escapes(std::string_view content) {
    const char* at = content.data();
    const char* const end = at + content.size();
    while ((at = static_cast<const char*>(
                std::memchr(at, '\\', static_cast<std::size_t>(end - at)))) != nullptr) {
        ++at;  // never past the end: the closing quote would have been escaped
        switch (*at) {
            case '"':
            case '\\':
            case '/':
            case 'b':
            case 'f':
            case 'n':
            case 'r':
            case 't':
                ++at;
                break;
            case 'u':
                if (end - at < 5 ||
                    !std::all_of(at + 1, at + 5, [](char c) { return hex_digit(c) >= 0; })) {
                    return fail("a \\u without four hexadecimal digits");
                }
                at += 5;
                break;
            default:
                return fail("an unknown escape in a string");
        }
        if (at >= end) break;
    }
    return true;
}

/// Behind the digits that begin there: before the next token, as none begins with a digit that
/// follows one.
inline const char* JsonCursor::end_of_digits(const char* from) const {
    while (text_end_ - from >= 8) {
        const std::ptrdiff_t found = leading_digits(from);
        from += found;
        if (found < 8) return from;
    }
    while (from != text_end_ && is_digit(*from)) ++from;
    return from;
}

const char* JsonCursor::end_of_number(const char* from, const char* limit) const {
    const auto digits = [this, &from] {
        const char* const first = std::exchange(from, end_of_digits(from));
        return from > first;
    };
    if (*from == '-') ++from;
    if (from < limit && *from == '0') {
        ++from;
    } else if (!digits()) {
        return nullptr;
    }
    if (from < limit && *from == '.') {
        ++from;
        if (!digits()) return nullptr;
    }
    if (from < limit && (*from == 'e' || *from == 'E')) {
        ++from;
        if (from < limit && (*from == '+' || *from == '-')) ++from;
        if (!digits()) return nullptr;
    }
    return from;
}

bool JsonCursor::read_scalar(std::string_view& token) {
    if (at_end()) return fail("a value is missing");
    const char* const begin = text_ + *token_;
    const char* const limit = text_ + token_[1];
    const std::string_view rest(begin, static_cast<std::size_t>(limit - begin));
    const char* end = nullptr;
    // As most numbers are: digits, perhaps a point and more of them.
    if (*begin >= '1' && *begin <= '9') {
        end = end_of_digits(begin);
        if (limit - end >= 2 && *end == '.' && is_digit(end[1])) end = end_of_digits(end + 1);
        if (end == limit) return pass_scalar(token, limit);
    }
    switch (*begin) {
        case 't':
            if (rest.starts_with("true")) end = begin + 4;
            break;
        case 'f':
            if (rest.starts_with("false")) end = begin + 5;
            break;
        case 'n':
            if (rest.starts_with("null")) end = begin + 4;
            break;
        default:
            end = end_of_number(begin, limit);
    }
    if (end == nullptr) return fail("a value is expected");
    for (const char* c = end; c < limit; ++c) {
        if (!is_space(*c)) return fail("a value is expected");
    }
    return pass_scalar(token, end);
}

bool JsonCursor::pass_scalar(std::string_view& token, const char* end) {
    const char* const begin = text_ + *token_;
    token = {begin, static_cast<std::size_t>(end - begin)};
    after_ = end;
    ++token_;
    return true;
}

bool JsonCursor::skip_value(int depth) {
    std::string_view ignored;
    switch (peek()) {
        case '"':
            return read_string(ignored);
        case '{':
            return skip_object(depth + 1);
        case '[':
            return skip_array(depth + 1);
        default:
            return read_scalar(ignored);
    }
}

bool JsonCursor::skip_object(int depth) {
    if (depth > deepest) return fail("nested too deeply");
    ++token_;
    if (peek() == '}') {
        pass();
        return true;
    }
    for (;;) {
        std::string_view ignored;
        if (peek() != '"') return fail("a field name is expected");
        if (!read_string(ignored)) return false;
        if (peek() != ':') return fail("\":\" is expected");
        ++token_;
        if (!skip_value(depth)) return false;
        const char c = peek();
        if (c != ',' && c != '}') return fail("\",\" or \"}\" is expected");
        pass();
        if (c == '}') return true;
    }
}

bool JsonCursor::skip_array(int depth) {
    if (depth > deepest) return fail("nested too deeply");
    ++token_;
    if (peek() == ']') {
        pass();
        return true;
    }
    for (;;) {
        if (!skip_value(depth)) return false;
        const char c = peek();
        if (c != ',' && c != ']') return fail("\",\" or \"]\" is expected");
        pass();
        if (c == ']') return true;
    }
}

}  // namespace sluice
