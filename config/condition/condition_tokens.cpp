#include "config/condition/condition_tokens.h"

#include "config/text/characters.h"
#include "config/text/words.h"

#include <algorithm>

namespace sluice::config {
namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// Numbers and times in RFC 3339 need no quotes; there is no arithmetic that could be meant.
bool goes_on_number(char c) {
    return is_letter(c) || is_digit(c) || c == ':' || c == '.' || c == '-' || c == '+';
}

bool goes_on_word(char c) {
    return is_letter(c) || is_digit(c);
}

constexpr std::string_view symbols[] = {"<=", ">=", "<>", "!=", "=", "<", ">", "(", ")", ","};

class Lexer {
public:
    explicit Lexer(std::string_view text) : text_(text) {}

    std::variant<std::vector<Token>, Misspelling> run() {
        for (;;) {
            while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
            begin();
            if (at_ == text_.size()) {
                finish(Token::Kind::end);
                return std::move(tokens_);
            }
            if (!take()) return std::move(wrong_);
        }
    }

private:
    bool take() {
        const char c = text_[at_];
        if (c == '\'' || c == '"') return take_quoted(c);
        for (const std::string_view symbol : symbols) {
            if (text_.substr(at_, symbol.size()) != symbol) continue;
            token_.text = symbol;
            at_ += symbol.size();
            finish(Token::Kind::symbol);
            return true;
        }
        if (c == '@' || c == '/') return take_source();
        const bool is_number = is_digit(c) || c == '-' || c == '+';
        if (!is_number && !is_letter(c)) {
            return misspelt("does not belong into a condition: " + in_quotes(character_at(at_)));
        }
        const auto end = std::find_if_not(text_.begin() + static_cast<std::ptrdiff_t>(at_) + 1,
                                          text_.end(), is_number ? goes_on_number : goes_on_word);
        const auto next = static_cast<std::size_t>(end - text_.begin());
        token_.text = text_.substr(at_, next - at_);
        at_ = next;
        finish(Token::Kind::word);
        return true;
    }

    /// "@headers/trace-id", "/customer/city": up to a blank or a symbol.
    bool take_source() {
        const auto ends = [](char c) {
            return is_blank(c) || std::string_view("<>!=(),'\"").find(c) != std::string_view::npos;
        };
        const auto end =
            std::find_if(text_.begin() + static_cast<std::ptrdiff_t>(at_), text_.end(), ends);
        const auto next = static_cast<std::size_t>(end - text_.begin());
        token_.text = text_.substr(at_, next - at_);
        at_ = next;
        finish(Token::Kind::name);
        return true;
    }

    /// A quote within is written twice.
    bool take_quoted(char quote) {
        for (++at_; at_ < text_.size(); ++at_) {
            if (text_[at_] != quote) {
                token_.text += text_[at_];
            } else if (at_ + 1 < text_.size() && text_[at_ + 1] == quote) {
                token_.text += text_[at_++];
            } else {
                ++at_;
                finish(quote == '\'' ? Token::Kind::quoted : Token::Kind::name);
                return true;
            }
        }
        return misspelt(std::string("the quote ") + quote + " is not closed");
    }

    void begin() {
        // Continuation bytes of UTF-8 are not characters of their own.
        for (; counted_ < at_; ++counted_) {
            if ((text_[counted_] & '\xC0') != '\x80') ++characters_;
        }
        token_ = {};
        token_.character = characters_ + 1;
        begin_ = at_;
    }

    void finish(Token::Kind kind) {
        token_.kind = kind;
        token_.written = text_.substr(begin_, at_ - begin_);
        tokens_.push_back(std::move(token_));
    }

    bool misspelt(std::string text) {
        wrong_ = {token_.character, std::move(text)};
        return false;
    }

    [[nodiscard]] std::string_view character_at(std::size_t at) const {
        std::size_t end = at + 1;
        while (end < text_.size() && (text_[end] & '\xC0') == '\x80') ++end;
        return text_.substr(at, end - at);
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t begin_ = 0;       // of the token at hand
    std::size_t counted_ = 0;     // bytes
    std::size_t characters_ = 0;  // in the counted bytes
    Token token_;
    std::vector<Token> tokens_;
    Misspelling wrong_;
};

}  // namespace

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return lower;
}

bool Token::is(std::string_view lower_case_word) const {
    return kind == Kind::word && lower_case(text) == lower_case_word;
}

std::variant<std::vector<Token>, Misspelling> tokens_of(std::string_view text) {
    return Lexer(text).run();
}

}  // namespace sluice::config
