#include "pipeline/values/json_text.h"

#include "config/text/characters.h"
#include "pipeline/values/json_cursor.h"
#include "pipeline/values/utf8.h"

#include <cstring>

namespace sluice::json {

namespace {

constexpr const char* holds_nul = "contains \\u0000, which PostgreSQL cannot hold";
constexpr const char* half_a_pair = "contains half of a UTF-16 surrogate pair";

std::uint32_t hex4(const char* digits) {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) {
        value = value << 4 | static_cast<std::uint32_t>(hex_digit(digits[i]));
    }
    return value;
}

struct CodePoint {
    std::uint32_t code = 0;
    const char* after = nullptr;
    const char* complaint = nullptr;
};

/// Of a \u escape whose digits begin at `digits`.
CodePoint read_code_point(const char* digits, const char* end) {
    const std::uint32_t code = hex4(digits);
    if (code == 0) return {0, nullptr, holds_nul};
    if (code < 0xd800 || code > 0xdfff) return {code, digits + 4, nullptr};
    if (code > 0xdbff || end - digits < 10 || digits[4] != '\\' || digits[5] != 'u') {
        return {0, nullptr, half_a_pair};
    }
    const std::uint32_t low = hex4(digits + 6);
    if (low < 0xdc00 || low > 0xdfff) return {0, nullptr, half_a_pair};
    return {0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00), digits + 10, nullptr};
}

char unescaped(char c) {
    switch (c) {
        case 'b':
            return '\b';
        case 'f':
            return '\f';
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        default:
            return c;
    }
}

const char* find_backslash(const char* from, const char* end) {
    return from == end ? nullptr
                       : static_cast<const char*>(
                             std::memchr(from, '\\', static_cast<std::size_t>(end - from)));
}

/// Writes one array literal; the JSON is valid, so only ends have to be found.
class ArrayWriter {
public:
    ArrayWriter(std::string_view json, Elements elements, Scratch& scratch, std::string& to)
        : at_(json.data()), elements_(elements), scratch_(scratch), to_(to) {}

    /// At a "[". Returns a complaint or nullptr. Recursion ends: the cursor has limited the depth.
    const char* array() {
        ++at_;
        to_ += '{';
        skip_space();
        while (*at_ != ']') {
            const char* complaint = element();
            if (complaint != nullptr) return complaint;
            skip_space();
            if (*at_ == ',') {
                to_ += ',';
                ++at_;
                skip_space();
            }
        }
        ++at_;
        to_ += '}';
        return nullptr;
    }

private:
    void skip_space() {
        while (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t') ++at_;
    }

    const char* element() {
        if (*at_ == '[') return array();
        const char* const begin = at_;
        skip();
        const std::string_view raw(begin, static_cast<std::size_t>(at_ - begin));
        if (raw[0] == '"' && elements_ == Elements::as_text) {
            const Unescaped content = unescape(raw.substr(1, raw.size() - 2), scratch_);
            if (content.complaint != nullptr) return content.complaint;
            quote(content.text);
        } else if (raw[0] == '"' || raw[0] == '{') {
            quote(raw);
        } else if (raw == "null") {
            to_ += "NULL";
        } else {
            to_ += raw;
        }
        return nullptr;
    }

    /// Over an object or a scalar.
    void skip() {
        int depth = 0;
        do {
            switch (*at_) {
                case '"':
                    for (++at_; *at_ != '"'; ++at_) {
                        if (*at_ == '\\') ++at_;
                    }
                    ++at_;
                    break;
                case '{':
                case '[':
                    ++depth;
                    ++at_;
                    break;
                case '}':
                case ']':
                    --depth;
                    ++at_;
                    break;
                case ',':
                case ':':
                case ' ':
                case '\n':
                case '\r':
                case '\t':
                    ++at_;
                    break;
                default:
                    skip_word();
            }
        } while (depth > 0);
    }

    void skip_word() {
        while (std::strchr(",:]} \n\r\t", *at_) == nullptr) ++at_;
    }

    void quote(std::string_view text) {
        to_ += '"';
        for (const char c : text) {
            if (c == '"' || c == '\\') to_ += '\\';
            to_ += c;
        }
        to_ += '"';
    }

    const char* at_;
    Elements elements_;
    Scratch& scratch_;
    std::string& to_;
};

}  // namespace

Unescaped unescape(std::string_view raw, Scratch& scratch) {
    const char* from = raw.data();
    const char* const end = from + raw.size();
    const char* backslash = find_backslash(from, end);
    if (backslash == nullptr) return {raw};
    char* const begin = scratch.reserve(raw.size());  // escapes are longer than what they stand for
    char* to = begin;
    while (backslash != nullptr) {
        const auto plain = static_cast<std::size_t>(backslash - from);
        std::memcpy(to, from, plain);
        to += plain;
        if (backslash[1] == 'u') {
            const CodePoint point = read_code_point(backslash + 2, end);
            if (point.complaint != nullptr) return {raw, point.complaint};
            to = utf8::put(to, point.code);
            from = point.after;
        } else {
            *to++ = unescaped(backslash[1]);
            from = backslash + 2;
        }
        backslash = find_backslash(from, end);
    }
    std::memcpy(to, from, static_cast<std::size_t>(end - from));
    to += end - from;
    scratch.shrink(to);
    return {{begin, static_cast<std::size_t>(to - begin)}};
}

const char* complaint_of_jsonb(std::string_view json) {
    const char* const end = json.data() + json.size();
    for (const char* at = find_backslash(json.data(), end); at != nullptr;
         at = find_backslash(at, end)) {
        if (at[1] != 'u') {
            at += 2;
            continue;
        }
        const CodePoint point = read_code_point(at + 2, end);
        if (point.complaint != nullptr) return point.complaint;
        at = point.after;
    }
    return nullptr;
}

std::optional<JsonError> check(std::string_view text, JsonIndex& index) {
    if (auto error = index.read(text)) return error;
    JsonCursor cursor(text, index);
    if (!cursor.skip_value()) return cursor.error();
    if (!cursor.at_end()) return JsonError{"something follows the value", cursor.position()};
    return std::nullopt;
}

std::string describe(const JsonError& error) {
    return std::string(error.what) + " at byte " + std::to_string(error.position + 1);
}

Unescaped array_literal(std::string_view array, Elements elements, Scratch& scratch,
                        std::string& buffer) {
    buffer.clear();
    const char* complaint = ArrayWriter(array, elements, scratch, buffer).array();
    if (complaint != nullptr) return {array, complaint};
    return {scratch.keep(buffer)};
}

}  // namespace sluice::json
