#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// A piece of an SQL expression.
struct SqlToken {
    enum class Kind {
        name,    ///< in lower case, unless it was in double quotes
        text,    ///< without its quotes
        number,  ///< without a sign
        symbol,
        other,  ///< anything that is not read here
        end,
    };
    Kind kind = Kind::end;
    std::string text;
    bool is_quoted = false;  ///< a name that is no keyword

    [[nodiscard]] bool is(std::string_view keyword) const {
        return kind == Kind::name && !is_quoted && text == keyword;
    }
    [[nodiscard]] bool is_symbol(std::string_view symbol) const {
        return kind == Kind::symbol && text == symbol;
    }
};

/// The end last. Comments, dollar quotes and operators beyond those of JSON and of comparisons are
/// Kind::other.
[[nodiscard]] std::vector<SqlToken> sql_tokens(std::string_view sql);

}  // namespace sluice
