#include "config/condition/condition.h"

#include "config/condition/condition_tokens.h"
#include "config/text/units.h"
#include "config/text/words.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace sluice::config {
namespace {

constexpr int deepest = 100;

std::optional<Operator> comparison_operator(const Token& token) {
    if (token.kind != Token::Kind::symbol) return std::nullopt;
    return comparison_written(token.text);
}

std::optional<std::int64_t> whole_number(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

/// [sign] digits [. digits] [e exponent]
bool is_number(std::string_view text) {
    const auto take_digits = [&text] {
        const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
        text.remove_prefix(count);
        return count > 0;
    };
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    if (!take_digits()) return false;
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        if (!take_digits()) return false;
    }
    if (text.empty()) return true;
    if (text.front() != 'e' && text.front() != 'E') return false;
    text.remove_prefix(1);
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    return take_digits() && text.empty();
}

bool is_keyword(const Token& token) {
    static constexpr std::string_view keywords[] = {"and", "or",   "not", "between",
                                                    "in",  "like", "is",  "null"};
    return std::ranges::any_of(keywords, [&](std::string_view word) { return token.is(word); });
}

bool begins_number(char c) {
    return std::string_view("0123456789-+").find(c) != std::string_view::npos;
}

bool is_text(FieldType type) {
    return type == FieldType::text || type == FieldType::any;
}

/// Unwinds the parser; parse_where() turns it into a value.
struct Wrong {
    std::size_t character;
    std::string text;
};

/// Recursive descent: or, and, not, then parentheses or a comparison.
class Parser {
public:
    Parser(std::vector<Token> tokens, std::span<const Field> fields)
        : tokens_(std::move(tokens)), fields_(fields) {}

    Condition run() {
        Condition condition = any_of(false);
        if (next().kind != Token::Kind::end) expected("and, or, or the end");
        return condition;
    }

private:
    [[nodiscard]] const Token& next() const { return tokens_[at_]; }
    const Token& take() { return tokens_[at_++]; }
    bool take_if(std::string_view word) {
        if (!next().is(word)) return false;
        ++at_;
        return true;
    }

    [[noreturn]] void expected(const std::string& what) const {
        const Token& found = next();
        throw Wrong{found.character,
                    "expected " + what + ", found " +
                        (found.kind == Token::Kind::end ? "the end" : in_quotes(found.written))};
    }

    Condition any_of(bool negated) {
        Condition whole = all_of(negated);
        while (take_if("or")) {
            join(whole, all_of(negated), joined_by(Condition::Kind::any_of, negated));
        }
        return whole;
    }

    Condition all_of(bool negated) {
        Condition whole = negation(negated);
        while (take_if("and")) {
            join(whole, negation(negated), joined_by(Condition::Kind::all_of, negated));
        }
        return whole;
    }

    static Condition::Kind joined_by(Condition::Kind written, bool negated) {
        if (!negated) return written;
        return written == Condition::Kind::all_of ? Condition::Kind::any_of
                                                  : Condition::Kind::all_of;
    }

    /// Parts of the same kind become parts of one.
    static void join(Condition& whole, Condition part, Condition::Kind kind) {
        if (whole.kind != kind) {
            Condition first = std::move(whole);
            whole = {.kind = kind, .comparison = {}, .parts = {}};
            whole.parts.push_back(std::move(first));
        }
        if (part.kind == kind) {
            std::ranges::move(part.parts, std::back_inserter(whole.parts));
        } else {
            whole.parts.push_back(std::move(part));
        }
    }

    Condition negation(bool negated) {
        while (take_if("not")) negated = !negated;
        if (!next().is_symbol("(")) return comparison(negated);
        if (begins_row()) return row_in_list(negated);
        if (++depth_ > deepest) {
            throw Wrong{next().character,
                        "more than " + std::to_string(deepest) + " parentheses within each other"};
        }
        ++at_;
        Condition inner = any_of(negated);
        if (!next().is_symbol(")")) expected("and, or, or \")\"");
        ++at_;
        --depth_;
        return inner;
    }

    Condition comparison(bool negated) {
        if (begins_value(next())) return mirrored_comparison(negated);
        const std::size_t field = take_field();
        if (const auto op = comparison_operator(next())) {
            ++at_;
            return compare(field, *op, negated);
        }
        if (take_if("is")) return null_test(field, negated);
        if (take_if("not")) negated = !negated;
        if (take_if("between")) return between(field, negated);
        if (take_if("in")) return in_list(field, negated);
        if (next().is("like")) return like(field, negated);
        expected("=, !=, <, <=, >, >=, between, in" +
                 std::string(is_text(fields_[field].type) ? ", like" : "") + " or is null");
    }

    /// "(partition, offset)" rather than a condition in parentheses. The last token is the end.
    [[nodiscard]] bool begins_row() const {
        return at_ + 2 < tokens_.size() && tokens_[at_ + 2].is_symbol(",");
    }

    /// (partition, offset) in ((0, 5), (1, 7))
    Condition row_in_list(bool negated) {
        std::vector<std::size_t> row;
        do {
            ++at_;
            row.push_back(take_field());
        } while (next().is_symbol(","));
        take_symbol(")", "\",\" or \")\"");
        if (take_if("not")) negated = !negated;
        if (!take_if("in")) expected("in, as in: (partition, offset) in ((0, 5), (1, 7))");
        take_symbol("(", "\"(\", as in: in ((0, 5), (1, 7))");
        Condition whole = row_equals(row, negated);
        while (next().is_symbol(",")) {
            ++at_;
            join(whole, row_equals(row, negated), joined_by(Condition::Kind::any_of, negated));
        }
        take_symbol(")", "\",\" or \")\"");
        return whole;
    }

    /// (0, 5): as many values as there are fields.
    Condition row_equals(const std::vector<std::size_t>& row, bool negated) {
        const std::string length = std::to_string(row.size()) + " values in parentheses";
        take_symbol("(", length);
        Condition whole = compare(row.front(), Operator::equal, negated);
        for (std::size_t i = 1; i < row.size(); ++i) {
            take_symbol(",", length);
            join(whole, compare(row[i], Operator::equal, negated),
                 joined_by(Condition::Kind::all_of, negated));
        }
        take_symbol(")", "\")\" behind " + length);
        return whole;
    }

    void take_symbol(std::string_view symbol, const std::string& what) {
        if (!next().is_symbol(symbol)) expected(what);
        ++at_;
    }

    static bool begins_value(const Token& token) {
        if (token.kind == Token::Kind::quoted) return true;
        if (token.kind != Token::Kind::word) return false;
        return begins_number(token.text[0]);
    }

    /// The value stands first, but only its field says how to read it.
    Condition mirrored_comparison(bool negated) {
        const std::size_t value_at = at_++;
        const auto op = comparison_operator(next());
        if (!op) expected("=, !=, <, <=, > or >=");
        ++at_;
        const std::size_t field = take_field();
        const std::size_t behind = at_;
        at_ = value_at;
        Condition condition = compare(field, mirrored(*op), negated);
        at_ = behind;
        return condition;
    }

    std::size_t take_field() {
        const bool is_name = next().kind == Token::Kind::name;
        if (!is_name && (next().kind != Token::Kind::word || is_keyword(next()))) {
            expected(fields_.empty()
                         ? "a field, one called like a word of this language in double quotes"
                         : "a field: " + known_fields());
        }
        const std::string name = lower_case(next().text);
        auto found = std::ranges::find(fields_, next().text, &Field::name);
        if (found == fields_.end()) found = std::ranges::find(fields_, name, &Field::name);
        if (found == fields_.end()) {
            std::vector<std::string_view> names;
            for (const Field& field : fields_) names.push_back(field.name);
            const std::string meant = suggestion(name, names);
            throw Wrong{next().character,
                        "there is no field " + in_quotes(next().text) +
                            (meant.empty() ? "; there are " + known_fields() : meant)};
        }
        ++at_;
        return static_cast<std::size_t>(found - fields_.begin());
    }

    [[nodiscard]] std::string known_fields() const {
        std::vector<std::string_view> names;
        for (const Field& field : fields_) names.push_back(field.name);
        return listed(names);
    }

    Condition compare(std::size_t field, Operator op, bool negated) {
        if (negated) op = opposite(op);
        return {.kind = Condition::Kind::comparison,
                .comparison = {field, op, take_value(fields_[field])},
                .parts = {}};
    }

    Condition null_test(std::size_t field, bool negated) {
        if (take_if("not")) negated = !negated;
        if (!take_if("null")) expected("null or not null");
        return {.kind = Condition::Kind::comparison,
                .comparison = {field, negated ? Operator::is_not_null : Operator::is_null, {}},
                .parts = {}};
    }

    Condition between(std::size_t field, bool negated) {
        Condition whole = compare(field, Operator::greater_equal, negated);
        if (!take_if("and")) expected("and, for the other end of \"between\"");
        join(whole, compare(field, Operator::less_equal, negated),
             joined_by(Condition::Kind::all_of, negated));
        return whole;
    }

    Condition in_list(std::size_t field, bool negated) {
        take_symbol("(", "\"(\", as in: in (1, 2)");
        Condition whole = compare(field, Operator::equal, negated);
        while (next().is_symbol(",")) {
            ++at_;
            join(whole, compare(field, Operator::equal, negated),
                 joined_by(Condition::Kind::any_of, negated));
        }
        take_symbol(")", "\",\" or \")\"");
        return whole;
    }

    Condition like(std::size_t field, bool negated) {
        const FieldType type = fields_[field].type;
        if (!is_text(type)) {
            throw Wrong{next().character, "like is for text, " + std::string(fields_[field].name) +
                                              " is " +
                                              (type == FieldType::time ? "a time" : "a number")};
        }
        ++at_;
        if (next().kind != Token::Kind::quoted) expected("text in single quotes");
        return compare(field, Operator::like, negated);
    }

    Comparison::Operand take_value(const Field& field) {
        switch (field.type) {
            case FieldType::number:
                return take_number();
            case FieldType::time:
                return take_time();
            case FieldType::any:
                return take_any();
            case FieldType::text:
                break;
        }
        if (next().kind != Token::Kind::quoted) expected("text in single quotes");
        return take().text;
    }

    std::int64_t take_number() {
        const auto number =
            next().kind == Token::Kind::word ? whole_number(next().text) : std::nullopt;
        if (!number) expected("a whole number");
        ++at_;
        return *number;
    }

    Comparison::Operand take_any() {
        const Token& token = next();
        const bool is_word = token.kind == Token::Kind::word;
        if (token.kind == Token::Kind::quoted || (is_word && parse_time(token.text))) {
            return take().text;
        }
        if (token.is("true") || token.is("false")) return take().is("true");
        if (!is_word || !is_number(token.text)) {
            expected("text in single quotes, a number, true or false");
        }
        return Number{take().text};
    }

    std::int64_t take_time() {
        const bool is_word = next().kind == Token::Kind::word;
        std::optional<std::int64_t> time;
        if (is_word) time = whole_number(next().text);
        if (!time && (is_word || next().kind == Token::Kind::quoted)) {
            time = parse_time(next().text);
        }
        if (!time) {
            expected(
                "a time with its offset from UTC, as in '2026-01-31T12:00:00Z', or milliseconds "
                "since 1970");
        }
        ++at_;
        return *time;
    }

    std::vector<Token> tokens_;
    std::span<const Field> fields_;
    std::size_t at_ = 0;
    int depth_ = 0;
};

std::string message(std::size_t character, const std::string& text) {
    return "character " + std::to_string(character) + ": " + text;
}

}  // namespace

std::vector<std::string> fields_named_in(std::string_view text) {
    std::vector<std::string> names;
    const auto tokens = tokens_of(text);
    if (std::holds_alternative<Misspelling>(tokens)) return names;
    for (const Token& token : std::get<std::vector<Token>>(tokens)) {
        const bool is_word = token.kind == Token::Kind::word && !begins_number(token.text[0]) &&
                             !is_keyword(token) && !token.is("true") && !token.is("false");
        if (token.kind != Token::Kind::name && !is_word) continue;
        if (std::ranges::find(names, token.text) == names.end()) names.push_back(token.text);
    }
    return names;
}

std::variant<Condition, std::string> parse_where(std::string_view text,
                                                 std::span<const Field> fields) {
    auto tokens = tokens_of(text);
    if (const auto* wrong = std::get_if<Misspelling>(&tokens)) {
        return message(wrong->character, wrong->text);
    }
    try {
        return Parser(std::move(std::get<std::vector<Token>>(tokens)), fields).run();
    } catch (const Wrong& wrong) {
        return message(wrong.character, wrong.text);
    }
}

}  // namespace sluice::config
