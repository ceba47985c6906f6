#include "daemon/imports/gpss_expression.h"

#include "config/column_source.h"
#include "config/text/characters.h"
#include "daemon/imports/sql_tokens.h"

#include <algorithm>
#include <array>

namespace sluice {
namespace {

enum class TypeClass { none, number, text, truth, json, other };

/// Of a type without modifiers, which would cut or round.
TypeClass class_of(std::string_view type) {
    constexpr std::array numbers{
        "int",     "integer", "int2",     "int4",  "int8",   "bigint", "numeric",
        "decimal", "real",    "smallint", "float", "float4", "float8", "double precision"};
    constexpr std::array texts{"text", "varchar", "character varying"};
    const auto is_one_of = [&](const auto& names) {
        return std::ranges::find(names, type) != names.end();
    };
    if (type.empty()) return TypeClass::none;
    if (is_one_of(numbers)) return TypeClass::number;
    if (is_one_of(texts)) return TypeClass::text;
    if (type == "bool" || type == "boolean") return TypeClass::truth;
    if (type == "json" || type == "jsonb") return TypeClass::json;
    return TypeClass::other;
}

/// Types that a value of the column's own would be cast to by the column alone.
bool is_plain(std::string_view type) {
    constexpr std::array others{"date",
                                "time",
                                "timestamp",
                                "timestamptz",
                                "timestamp with time zone",
                                "timestamp without time zone",
                                "time without time zone",
                                "uuid",
                                "interval",
                                "inet",
                                "bytea"};
    return class_of(type) != TypeClass::other || std::ranges::find(others, type) != others.end();
}

/// CSV's columns say their types with modifiers, which their values were checked by.
std::string_view without_modifiers(std::string_view type) {
    return trimmed(type.substr(0, type.find('(')));
}

/// A value with what was done to it.
struct Operand {
    const GpssInput* input = nullptr;
    std::vector<std::string> path;
    bool is_json = false;  ///< behind `->`
    std::string type;      ///< of the last cast; empty: none

    /// The last path token was text already.
    [[nodiscard]] bool leads_on() const {
        return input->kind != GpssInput::Kind::whole && input->kind != GpssInput::Kind::nowhere &&
               (path.empty() || is_json) && (type.empty() || class_of(type) == TypeClass::json);
    }
};

std::string pointer_of(const std::vector<std::string>& path) {
    std::string pointer;
    for (const std::string& token : path) pointer += config::pointer_to(token);
    return pointer;
}

/// Empty: there is none.
std::string place_of(const Operand& operand) {
    if (operand.path.size() != 1) return {};
    const std::string& name = operand.path.front();
    return name == "topic" || name == "partition" || name == "offset" ? "@" + name : "";
}

std::optional<GpssSource> source_of_operand(const Operand& operand) {
    const GpssInput& input = *operand.input;
    GpssSource source;
    source.never_null = input.never_null;
    if (input.kind == GpssInput::Kind::nowhere) return std::nullopt;
    if (input.kind == GpssInput::Kind::places) {
        source.text = place_of(operand);
        if (source.text.empty()) return std::nullopt;
    } else if (operand.path.empty()) {
        source.text = input.source;
        source.is_number = input.is_field;
    } else {
        source.keeps_json = operand.is_json && operand.type.empty();
        const std::string& first = operand.path.front();
        const bool is_name = operand.path.size() == 1 && input.source == "@value" &&
                             !first.empty() && first.front() != '@' && first.front() != '/';
        source.text =
            is_name ? first
                    : (input.source == "@value" ? "" : input.source) + pointer_of(operand.path);
    }
    return source;
}

/// Reads what of SQL has an equal. What it does not know makes it fail, and the whole is SQL then.
class ExpressionParser {
public:
    ExpressionParser(std::string_view sql, const std::vector<GpssInput>& inputs)
        : tokens_(sql_tokens(sql)), inputs_(inputs) {}

    [[nodiscard]] bool is_done() const { return now().kind == SqlToken::Kind::end; }

    std::optional<Operand> operand() {
        auto operand = primary();
        while (operand) {
            if (now().is_symbol("::")) {
                ++at_;
                if (!cast(*operand)) return std::nullopt;
            } else if (!is_path()) {
                break;
            } else if (!step(*operand)) {
                return std::nullopt;
            }
        }
        return operand;
    }

    std::optional<std::string> disjunction() {
        return joined("or", &ExpressionParser::conjunction);
    }

private:
    [[nodiscard]] const SqlToken& now() const { return tokens_[at_]; }
    bool take(std::string_view symbol) {
        if (!now().is_symbol(symbol)) return false;
        ++at_;
        return true;
    }
    bool take_word(std::string_view word) {
        if (!now().is(word)) return false;
        ++at_;
        return true;
    }
    [[nodiscard]] bool is_path() const {
        return now().is_symbol("->") || now().is_symbol("->>") || now().is_symbol("#>") ||
               now().is_symbol("#>>");
    }

    std::optional<Operand> primary() {
        if (take("(")) {
            auto inner = operand();
            return inner && take(")") ? inner : std::nullopt;
        }
        if (now().is("cast") && tokens_[at_ + 1].is_symbol("(")) {
            at_ += 2;
            auto inner = operand();
            const bool is_cast = inner && take_word("as") && cast(*inner) && take(")");
            return is_cast ? inner : std::nullopt;
        }
        if (now().kind != SqlToken::Kind::name) return std::nullopt;
        const auto input = std::ranges::find(inputs_, now().text, &GpssInput::name);
        if (input == inputs_.end()) return std::nullopt;
        ++at_;
        if (now().is_symbol("(") || now().is_symbol(".")) return std::nullopt;
        return Operand{.input = &*input, .path = {}, .type = {}};
    }

    /// A type's name, of several words or one.
    std::string type_name() {
        std::string type;
        while (now().kind == SqlToken::Kind::name && !now().is_quoted) {
            const bool goes_on = type.empty() || type == "double" || type == "character" ||
                                 now().text == "without" || now().text == "with" ||
                                 now().text == "time" || now().text == "zone";
            if (!goes_on) break;
            type += (type.empty() ? "" : " ") + now().text;
            ++at_;
        }
        return type;
    }

    bool cast(Operand& operand) {
        operand.type = type_name();
        const bool has_more =
            now().is_symbol("(") || now().is_symbol(".") || now().kind == SqlToken::Kind::other;
        return !operand.type.empty() && !has_more && is_plain(operand.type);
    }

    bool step(Operand& operand) {
        const std::string symbol = now().text;
        ++at_;
        const SqlToken key = now();
        const bool is_key = key.kind == SqlToken::Kind::text || key.kind == SqlToken::Kind::number;
        if (!is_key || !operand.leads_on()) return false;
        ++at_;
        // A cast binds tighter than the arrow.
        if (take("::") && class_of(type_name()) != TypeClass::text) return false;
        const bool is_list = symbol.starts_with('#');
        if (!is_list)
            operand.path.push_back(key.text);
        else if (key.kind == SqlToken::Kind::number || !append_list(key.text, operand.path))
            return false;
        operand.is_json = !symbol.ends_with(">>");
        operand.type.clear();
        return true;
    }

    /// "{a,b}"
    static bool append_list(std::string_view list, std::vector<std::string>& path) {
        if (list.size() < 3 || list.front() != '{' || list.back() != '}') return false;
        list = list.substr(1, list.size() - 2);
        if (list.find_first_of("\"\\{}") != std::string_view::npos) return false;
        for (;;) {
            const std::size_t comma = list.find(',');
            const std::string_view token = trimmed(list.substr(0, comma));
            if (token.empty()) return false;
            path.emplace_back(token);
            if (comma == std::string_view::npos) return true;
            list.remove_prefix(comma + 1);
        }
    }

    // ---- conditions ----

    std::optional<std::string> joined(std::string_view word,
                                      std::optional<std::string> (ExpressionParser::*part)()) {
        auto text = (this->*part)();
        while (text && take_word(word)) {
            const auto next = (this->*part)();
            if (!next) return std::nullopt;
            *text += " " + std::string(word) + " " + *next;
        }
        return text;
    }

    std::optional<std::string> conjunction() { return joined("and", &ExpressionParser::negation); }

    std::optional<std::string> negation() {
        if (take_word("not")) {
            const auto inner = negation();
            return inner ? std::optional("not " + *inner) : std::nullopt;
        }
        const std::size_t begin = at_;
        if (auto comparison = predicate()) return comparison;
        at_ = begin;
        if (!take("(")) return std::nullopt;
        const auto inner = disjunction();
        return inner && take(")") ? std::optional("(" + *inner + ")") : std::nullopt;
    }

    static TypeClass class_of_operand(const Operand& operand) {
        if (!operand.type.empty()) return class_of(operand.type);
        if (!operand.path.empty()) return operand.is_json ? TypeClass::json : TypeClass::text;
        return class_of(without_modifiers(operand.input->type));
    }

    static bool is_word(std::string_view text) {
        constexpr std::array words{"and", "or",   "not",     "in",   "like",
                                   "is",  "null", "between", "true", "false"};
        return !text.empty() && !is_digit(text.front()) && std::ranges::all_of(text, [](char c) {
            return is_digit(c) || c == '_' || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
        }) && std::ranges::none_of(words, [&](const char* word) {
            return equal_ignoring_case(word, text);
        });
    }

    /// As conditions write it.
    static std::optional<std::string> field_of(const Operand& operand) {
        const auto source = source_of_operand(operand);
        if (!source) return std::nullopt;
        const bool is_place = source->text.starts_with('@') && operand.path.empty();
        const bool is_plain = std::ranges::all_of(operand.path, is_word);
        const bool has_path = operand.input->kind == GpssInput::Kind::json && !operand.path.empty();
        if (is_place || operand.input->kind == GpssInput::Kind::places || (has_path && is_plain))
            return source->text;
        std::string quoted = "\"";
        for (const char c : source->text)
            quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
        return quoted + "\"";
    }

    std::optional<std::string> literal(TypeClass of) {
        std::string text;
        if (of == TypeClass::text && now().kind == SqlToken::Kind::text) {
            text = "'";
            for (const char c : now().text)
                text += c == '\'' ? std::string("''") : std::string(1, c);
            text += "'";
        } else if (of == TypeClass::number) {
            if (take("-")) text = "-";
            if (now().kind != SqlToken::Kind::number) return std::nullopt;
            text += now().text;
        } else if (of == TypeClass::truth && (now().is("true") || now().is("false"))) {
            text = now().text;
        } else {
            return std::nullopt;
        }
        ++at_;
        if (take("::") && class_of(type_name()) != of) return std::nullopt;
        return text;
    }

    std::optional<std::string> predicate() {
        const auto operand = this->operand();
        if (!operand) return std::nullopt;
        const auto field = field_of(*operand);
        if (!field) return std::nullopt;
        const TypeClass type = class_of_operand(*operand);
        if (take_word("is")) {
            const bool is_not = take_word("not");
            const bool knows_null = type != TypeClass::json || operand->path.empty();
            if (!take_word("null") || !knows_null) return std::nullopt;
            return *field + (is_not ? " is not null" : " is null");
        }
        if (now().kind == SqlToken::Kind::symbol && !now().is_symbol(")"))
            return comparison(*field, type);
        const bool is_not = take_word("not");
        const std::string negated = is_not ? " not" : "";
        if (take_word("in")) return list(*field + negated, type);
        if (take_word("like")) {
            const auto pattern = type == TypeClass::text ? literal(type) : std::nullopt;
            return pattern ? std::optional(*field + negated + " like " + *pattern) : std::nullopt;
        }
        if (take_word("between")) {
            const auto least = type == TypeClass::number ? literal(type) : std::nullopt;
            const bool goes_on = least && take_word("and");
            const auto most = goes_on ? literal(type) : std::nullopt;
            if (!most) return std::nullopt;
            return *field + negated + " between " + *least + " and " + *most;
        }
        if (is_not || type != TypeClass::truth) return std::nullopt;
        return *field + " = true";
    }

    /// Texts are compared by a collation in SQL, so there is only equality.
    std::optional<std::string> comparison(const std::string& field, TypeClass type) {
        const std::string symbol = now().text;
        const bool is_equality = symbol == "=" || symbol == "<>" || symbol == "!=";
        const bool is_order = symbol == "<" || symbol == "<=" || symbol == ">" || symbol == ">=";
        if (!is_equality && !(is_order && type == TypeClass::number)) return std::nullopt;
        ++at_;
        const auto value = literal(type);
        return value ? std::optional(field + " " + symbol + " " + *value) : std::nullopt;
    }

    std::optional<std::string> list(const std::string& field, TypeClass type) {
        if (!take("(")) return std::nullopt;
        std::string values;
        do {
            const auto value = literal(type);
            if (!value) return std::nullopt;
            values += (values.empty() ? "" : ", ") + *value;
        } while (take(","));
        return take(")") ? std::optional(field + " in (" + values + ")") : std::nullopt;
    }

    const std::vector<SqlToken> tokens_;
    const std::vector<GpssInput>& inputs_;
    std::size_t at_ = 0;
};

}  // namespace

std::string folded(std::string_view name) {
    const std::vector<SqlToken> tokens = sql_tokens(name);
    const bool is_name = tokens.size() == 2 && tokens.front().kind == SqlToken::Kind::name;
    return is_name ? tokens.front().text : std::string(name);
}

std::optional<GpssSource> source_of(std::string_view sql, const std::vector<GpssInput>& inputs) {
    ExpressionParser parser(sql, inputs);
    const auto operand = parser.operand();
    if (!operand || !parser.is_done()) return std::nullopt;
    return source_of_operand(*operand);
}

std::optional<std::string> condition_of(std::string_view sql, const std::vector<GpssInput>& inputs,
                                        config::RecordShape shape) {
    ExpressionParser parser(sql, inputs);
    auto condition = parser.disjunction();
    if (!condition || !parser.is_done()) return std::nullopt;
    const auto parsed = config::parse_filter(*condition, shape);
    return std::holds_alternative<config::Filter>(parsed) ? condition : std::nullopt;
}

}  // namespace sluice
