#pragma once

#include "pipeline/decode/json_index.h"

#include <cstring>
#include <string_view>

namespace sluice {

/// Walks over the tokens of a JSON text and checks its grammar (RFC 8259) on the way: what was
/// walked over is valid, whether somebody wanted it or not. Views the text and its index.
class JsonCursor {
public:
    JsonCursor() = default;
    JsonCursor(std::string_view text, const JsonIndex& index)
        : text_(text.data()),
          token_(index.begin()),
          end_(index.end()),
          has_escapes_(std::memchr(text.data(), '\\', text.size()) != nullptr) {}

    /// The next token's first character; NUL at the end of the text.
    [[nodiscard]] char peek() const { return token_ == end_ ? '\0' : text_[*token_]; }
    [[nodiscard]] bool at_end() const { return token_ == end_; }
    [[nodiscard]] std::size_t position() const { return *token_; }
    void skip_token() { ++token_; }
    /// Skips a token of one character, and remembers where it ends: it may close a container.
    void pass() {
        after_ = text_ + *token_ + 1;
        ++token_;
    }

    /// The next token must be a string: `content` is what stands between its quotes.
    [[nodiscard]] bool read_string(std::string_view& content) {
        const char* const begin = text_ + *token_ + 1;
        const char* end = text_ + token_[1] - 1;
        while (end >= begin && (*end == ' ' || *end == '\n' || *end == '\r' || *end == '\t')) --end;
        if (end < begin || *end != '"') return fail("a string that does not end");
        content = {begin, static_cast<std::size_t>(end - begin)};
        if (has_escapes_ && !check_escapes(content)) return false;
        ++token_;
        after_ = end + 1;
        return true;
    }
    /// The next token must be a number, true, false or null.
    [[nodiscard]] bool read_scalar(std::string_view& token);
    /// Any value, with everything in it.
    [[nodiscard]] bool skip_value() { return skip_value(0); }

    /// Behind the last token that was read or skipped by the functions above.
    [[nodiscard]] const char* after() const { return after_; }
    /// Where the next token begins.
    [[nodiscard]] const char* here() const { return text_ + *token_; }
    [[nodiscard]] bool has_escapes() const { return has_escapes_; }

    /// Remembers what is wrong with the next token; returns false.
    bool fail(const char* what);
    [[nodiscard]] const JsonError& error() const { return error_; }

private:
    /// PostgreSQL's own limit depends on its stack; no sender nests deeper.
    static constexpr int deepest = 1000;

    bool skip_value(int depth);
    bool skip_object(int depth);
    bool skip_array(int depth);
    bool check_escapes(std::string_view content);
    const char* end_of_number(const char* from, const char* limit) const;

    const char* text_ = nullptr;
    const std::uint32_t* token_ = nullptr;
    const std::uint32_t* end_ = nullptr;
    const char* after_ = nullptr;
    bool has_escapes_ = false;
    JsonError error_;
};

}  // namespace sluice
