#pragma once

#include "pipeline/values/eight_characters.h"
#include "pipeline/values/json_index.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace sluice {

/// A field's name in its quotes, as it stands in a text that escapes nothing; compared eight
/// characters at a time.
class QuotedName {
public:
    explicit QuotedName(std::string_view name) : size_(name.size() + 2) {
        padded_.append(1, '"').append(name).append(1, '"');
        padded_.resize((size_ + 7) / 8 * 8);
        behind_ = ~std::uint64_t{0} >> (8 * (padded_.size() - size_));
    }

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::string_view name() const {
        return std::string_view(padded_).substr(1, size_ - 2);
    }
    /// Whether it is what begins there; `end`: behind what may be read.
    [[nodiscard]] bool is_at(const char* at, const char* end) const {
        if (static_cast<std::size_t>(end - at) < padded_.size())
            return std::string_view(padded_).substr(0, size_) == std::string_view(at, size_);
        const char* own = padded_.data();
        for (const char* const last = own + padded_.size() - 8; own != last; own += 8, at += 8)
            if (eight_at(at) != eight_at(own)) return false;
        return ((eight_at(at) ^ eight_at(own)) & behind_) == 0;
    }

private:
    std::size_t size_;
    std::string padded_;    // to whole words
    std::uint64_t behind_;  // what of the last one counts
};

/// Walks over the tokens of a JSON text and checks its grammar (RFC 8259) on the way: what was
/// walked over is valid, whether somebody wanted it or not. Views the text and its index.
class JsonCursor {
public:
    JsonCursor() = default;
    JsonCursor(std::string_view text, const JsonIndex& index)
        : text_(text.data()),
          text_end_(text.data() + text.size()),
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

    /// Whether the next tokens are this name and a colon close behind it; passes them if so.
    [[nodiscard]] bool pass_name(const QuotedName& name) {
        if (end_ - token_ < 2 || token_[1] - token_[0] != name.size()) return false;
        if (text_[token_[1]] != ':' || !name.is_at(text_ + token_[0], text_end_)) return false;
        token_ += 2;
        return true;
    }
    /// The next token must be a string: `content` is what stands between its quotes.
    [[nodiscard, gnu::always_inline]] bool read_string(std::string_view& content) {
        const char* const begin = text_ + *token_ + 1;
        const char* end = text_ + token_[1] - 1;
        if (*end != '"') [[unlikely]]
            while (end >= begin && is_space(*end)) --end;
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
    /// JSON's, which are fewer than PostgreSQL's.
    [[nodiscard]] static bool is_space(char c) {
        return c == ' ' || c == '\n' || c == '\r' || c == '\t';
    }

    /// PostgreSQL's own limit depends on its stack; no sender nests deeper.
    static constexpr int deepest = 1000;

    bool skip_value(int depth);
    bool skip_object(int depth);
    bool skip_array(int depth);
    bool check_escapes(std::string_view content);
    bool pass_scalar(std::string_view& token, const char* end);
    [[nodiscard]] const char* end_of_digits(const char* from) const;
    const char* end_of_number(const char* from, const char* limit) const;

    const char* text_ = nullptr;
    const char* text_end_ = nullptr;
    const std::uint32_t* token_ = nullptr;
    const std::uint32_t* end_ = nullptr;
    const char* after_ = nullptr;
    bool has_escapes_ = false;
    JsonError error_;
};

}  // namespace sluice
