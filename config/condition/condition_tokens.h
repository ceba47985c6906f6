#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What a condition's text is made of.
namespace sluice::config {

struct Token {
    enum class Kind {
        word,    ///< a keyword, a field, or anything that begins with a digit or a sign
        quoted,  ///< 'text'
        name,    ///< "field"; @headers/region and /customer/city need no quotes
        symbol,  ///< an operator, a parenthesis, a comma
        end,
    };
    Kind kind = Kind::end;
    std::string text;            ///< without quotes, escapes resolved
    std::size_t character = 0;   ///< where it begins, from 1
    std::string_view written{};  ///< as it stands in the text

    /// Keywords and fields may be written in any case.
    [[nodiscard]] bool is(std::string_view lower_case_word) const;
    [[nodiscard]] bool is_symbol(std::string_view symbol) const {
        return kind == Kind::symbol && text == symbol;
    }
};

struct Misspelling {
    std::size_t character = 0;
    std::string text;
};

/// All tokens, the end last. Views into `text`.
[[nodiscard]] std::variant<std::vector<Token>, Misspelling> tokens_of(std::string_view text);

[[nodiscard]] std::string lower_case(std::string_view text);

}  // namespace sluice::config
