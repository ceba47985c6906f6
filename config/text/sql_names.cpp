#include "config/text/sql_names.h"

#include "config/condition/condition_tokens.h"
#include "config/text/characters.h"

#include <algorithm>
#include <set>

namespace sluice {

std::string quote_identifier(std::string_view name) {
    std::string quoted = "\"";
    for (const char c : name) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + "\"";
}

}  // namespace sluice

namespace sluice::config {
namespace {

bool begins_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

bool continues_name(char c) {
    return begins_name(c) || is_digit(c) || c == '$';
}

bool opens(char c) {
    return c == '(' || c == '[';
}

bool closes(char c) {
    return c == ')' || c == ']';
}

/// Goes through an expression as PostgreSQL's lexer does, as far as names and what
/// is enclosed need it.
class SqlWords {
public:
    /// `row`: what the row as a whole is called.
    SqlWords(std::string_view sql, std::string_view row) : rest_(sql), row_(row) {
        while (!rest_.empty()) step();
    }

    [[nodiscard]] bool has(const std::string& name) const { return names_.contains(name); }
    [[nodiscard]] bool has_row() const { return has_row_; }
    [[nodiscard]] bool closes_too_many() const { return closes_too_many_; }

private:
    void step() {
        if (rest_.starts_with("--")) return skip(rest_.find('\n'));
        if (rest_.starts_with("/*")) return skip_comment();
        if (rest_.front() == '\'') return skip(end_of_text(false));
        if (rest_.front() == '"') return take_quoted();
        if (rest_.front() == '$') return skip_dollar_quoted();
        if (begins_name(rest_.front())) return take_word();
        if (blank.find(rest_.front()) == std::string_view::npos) is_returned_ = false;
        // The digits of a number, so that its exponent is no name.
        if (is_digit(rest_.front())) return skip(length_of_word());
        depth_ += opens(rest_.front()) ? 1 : closes(rest_.front()) ? -1 : 0;
        closes_too_many_ |= depth_ < 0;
        skip(1);
    }

    void skip(std::size_t count) { rest_.remove_prefix(std::min(count, rest_.size())); }

    [[nodiscard]] std::size_t length_of_word() const {
        return static_cast<std::size_t>(std::ranges::find_if_not(rest_, continues_name) -
                                        rest_.begin());
    }

    /// Comments may lie within each other.
    void skip_comment() {
        int depth = 0;
        do {
            const bool opens = rest_.starts_with("/*");
            const bool closes = rest_.starts_with("*/");
            depth += opens ? 1 : closes ? -1 : 0;
            skip(opens || closes ? 2 : 1);
        } while (depth > 0 && !rest_.empty());
    }

    [[nodiscard]] std::size_t end_of_text(bool has_escapes) const {
        for (std::size_t at = 1; at < rest_.size(); ++at) {
            if (has_escapes && rest_[at] == '\\')
                ++at;
            else if (rest_[at] == '\'')
                return at + 1;
        }
        return rest_.size();
    }

    void take_quoted() {
        std::string name;
        std::size_t at = 1;
        for (; at < rest_.size(); ++at) {
            if (rest_[at] == '"' && (at + 1 >= rest_.size() || rest_[at + 1] != '"')) break;
            if (rest_[at] == '"') ++at;
            name += rest_[at];
        }
        skip(at + 1);
        take(std::move(name));
    }

    void take(std::string name) {
        if (name == row_ && !is_behind_dot() && !is_returned_) has_row_ = true;
        is_returned_ = false;
        names_.insert(std::move(name));
    }

    /// `row.name` is of one field, `row.*` of all.
    [[nodiscard]] bool is_behind_dot() const {
        const auto next = [this](std::size_t at) { return rest_.find_first_not_of(blank, at); };
        const std::size_t dot = next(0);
        if (dot == std::string_view::npos || rest_[dot] != '.') return false;
        const std::size_t name = next(dot + 1);
        return name != std::string_view::npos && (begins_name(rest_[name]) || rest_[name] == '"');
    }

    void skip_dollar_quoted() {
        const std::size_t end = rest_.find('$', 1);
        if (end == std::string_view::npos) return skip(1);
        const std::string_view tag = rest_.substr(0, end + 1);
        if (!std::ranges::all_of(tag.substr(1, end - 1), continues_name)) return skip(1);
        const std::size_t close = rest_.find(tag, tag.size());
        skip(close == std::string_view::npos ? close : close + tag.size());
    }

    void take_word() {
        std::string word = lower_case(rest_.substr(0, length_of_word()));
        skip(word.size());
        if (!rest_.empty() && rest_.front() == '\'') return skip(end_of_text(word == "e"));
        const std::size_t next = rest_.find_first_not_of(blank);
        const bool is_called = next != std::string_view::npos && rest_[next] == '(';
        const bool is_return = word == "return";
        if (!is_called) take(std::move(word));
        is_returned_ = is_return;
    }

    static constexpr std::string_view blank = " \t\r\n";
    std::string_view rest_;
    const std::string_view row_;
    bool has_row_ = false;
    bool is_returned_ = false;  ///< what comes, by a function
    int depth_ = 0;             ///< of what is open
    bool closes_too_many_ = false;
    std::set<std::string> names_;
};

}  // namespace

std::vector<std::size_t> names_used_in(std::string_view sql, const std::vector<std::string>& names,
                                       std::string_view row) {
    const SqlWords words(sql, row);
    const bool all = words.has_row() && std::ranges::find(names, row) == names.end();
    std::vector<std::size_t> indices;
    for (std::size_t i = 0; i < names.size(); ++i)
        if (all || words.has(names[i])) indices.push_back(i);
    return indices;
}

bool uses_whole_row(std::string_view sql, std::string_view row) {
    return SqlWords(sql, row).has_row();
}

std::string wrong_with_sql(std::string_view sql) {
    if (!SqlWords(sql, {}).closes_too_many()) return {};
    return "a parenthesis or bracket is closed that is not open; write one expression";
}

}  // namespace sluice::config
