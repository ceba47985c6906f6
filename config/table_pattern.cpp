#include "config/table_pattern.h"

#include "config/condition/condition_tokens.h"
#include "config/pipeline.h"
#include "config/text/characters.h"
#include "config/text/names.h"
#include "config/text/sql_names.h"
#include "config/text/words.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace sluice::config {
namespace {

/// Of names in PostgreSQL and its family, which cut longer ones off without an error: two topics
/// could share a table then.
constexpr std::size_t longest_identifier = 63;

constexpr std::string_view places =
    "{topic}, {topic.1} for a part of it, {1} for what the expression caught, and each with |lower";

std::optional<int> whole_number(std::string_view text) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

/// "b" is part 2 of "a.b.c", and part -2; empty: there is no such part.
std::string_view part_of(std::string_view topic, int number) {
    std::vector<std::string_view> parts;
    for (std::size_t begin = 0; begin <= topic.size();) {
        const std::size_t end = std::min(topic.find('.', begin), topic.size());
        parts.push_back(topic.substr(begin, end - begin));
        begin = end + 1;
    }
    const auto count = static_cast<int>(parts.size());
    const int index = number > 0 ? number - 1 : count + number;
    if (index < 0 || index >= count) return {};
    return parts[static_cast<std::size_t>(index)];
}

/// Whoever may create topics would say what progress is, or what the database holds of itself.
bool is_reserved(std::string_view schema, std::string_view own_schema) {
    return schema == own_schema || schema == "information_schema" || schema.starts_with("pg_");
}

}  // namespace

std::variant<TablePattern::Piece, std::string> TablePattern::place(std::string_view inside,
                                                                   std::size_t groups) {
    const std::string shown = in_quotes("{" + std::string(inside) + "}");
    Piece piece{.kind = Piece::Kind::group, .text = {}};
    constexpr std::string_view lower = "|lower";
    if (inside.ends_with(lower)) {
        piece.lower = true;
        inside.remove_suffix(lower.size());
    }
    if (inside == "topic") return piece;
    constexpr std::string_view of_topic = "topic.";
    const bool is_part = inside.starts_with(of_topic);
    const auto number = whole_number(is_part ? inside.substr(of_topic.size()) : inside);
    if (!number || (is_part ? *number == 0 : *number < 1))
        return shown + " is no place that a topic fills; there are " + std::string(places);
    if (!is_part && static_cast<std::size_t>(*number) > groups)
        return shown + " is what group " + std::to_string(*number) +
               " of the topics' expression caught, which has " + std::to_string(groups);
    piece.kind = is_part ? Piece::Kind::part : Piece::Kind::group;
    piece.number = *number;
    return piece;
}

std::variant<TablePattern, std::string> TablePattern::parse(std::string_view text,
                                                            std::size_t groups) {
    TablePattern pattern;
    pattern.parts_.emplace_back();
    std::string example;  // the same name with a letter at each place
    std::string literal;
    bool quoted = false;
    const auto end_literal = [&] {
        if (!literal.empty())
            pattern.parts_.back().push_back({.kind = Piece::Kind::text, .text = literal});
        literal.clear();
    };
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '{' && text.substr(at, 2) != "{{") {
            const std::size_t end = text.find('}', at);
            if (end == std::string_view::npos)
                return std::string(
                    "has a brace that is not closed; \"{{\" is one that is meant so");
            auto parsed = place(text.substr(at + 1, end - at - 1), groups);
            if (auto* wrong = std::get_if<std::string>(&parsed)) return std::move(*wrong);
            end_literal();
            pattern.parts_.back().push_back(std::get<Piece>(std::move(parsed)));
            example += 'x';
            at = end;
            continue;
        }
        example += c;
        if (c == '{') ++at;
        if (c == '"' && quoted && text.substr(at, 2) == "\"\"") {
            literal += c;
            example += c;
            ++at;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (c == '.' && !quoted) {
            end_literal();
            pattern.parts_.emplace_back();
        } else {
            literal += quoted ? c : to_lower(c);
        }
    }
    end_literal();
    if (!is_table_name(example))
        return std::string(
            "is not a table's name; write table or schema.table, unusual parts in "
            "double quotes");
    return pattern;
}

bool TablePattern::is_constant() const {
    return std::ranges::all_of(parts_, [](const Part& part) {
        return std::ranges::all_of(
            part, [](const Piece& piece) { return piece.kind == Piece::Kind::text; });
    });
}

std::vector<std::string> TablePattern::parts(const std::vector<std::string>& caught) const {
    std::vector<std::string> parts;
    for (const Part& part : parts_) {
        std::string identifier;
        for (const Piece& piece : part) {
            const auto group = static_cast<std::size_t>(piece.number);
            std::string text = piece.text;
            if (piece.kind == Piece::Kind::part) text = part_of(caught.front(), piece.number);
            if (piece.kind == Piece::Kind::group && group < caught.size()) text = caught[group];
            identifier += piece.lower ? lower_case(text) : text;
        }
        parts.push_back(std::move(identifier));
    }
    return parts;
}

std::variant<std::string, TablePattern::NoName> TablePattern::name(
    const std::vector<std::string>& caught, std::string_view own_schema) const {
    std::string name;
    const std::vector<std::string> all = parts(caught);
    for (const std::string& part : all) {
        if (part.empty()) return NoName{"a part of it would be empty"};
        if (part.size() > longest_identifier)
            return NoName{"a part of it would be longer than " +
                          std::to_string(longest_identifier) + " bytes"};
        name += (name.empty() ? "" : ".") + quote_identifier(part);
    }
    if (all.size() > 1 && is_reserved(all.front(), own_schema))
        return NoName{"its schema would be " + in_quotes(all.front()) +
                      ", which takes no rows of topics"};
    return name;
}

namespace {

std::variant<Ingest, std::string> of_topic(const Ingest& ingest, const std::string& topic,
                                           std::string_view own_schema) {
    Ingest one = ingest;
    one.topic = topic;
    if (!std::exchange(one.tables_by_topic, false)) return one;
    const TopicMatcher matcher(ingest.topic);
    const auto parsed = TablePattern::parse(ingest.table, matcher.groups());
    const auto caught = matcher.caught(topic);
    const auto* pattern = std::get_if<TablePattern>(&parsed);
    if (pattern == nullptr || !caught)
        return "topic " + in_quotes(topic) + " has no table in " + in_quotes(ingest.table);
    auto name = pattern->name(*caught, own_schema);
    if (const auto* const none = std::get_if<TablePattern::NoName>(&name))
        return "topic " + in_quotes(topic) + " makes no table's name of " +
               in_quotes(ingest.table) + ": " + none->why;
    one.table = std::get<std::string>(std::move(name));
    return one;
}

}  // namespace

std::variant<std::vector<Ingest>, std::string> targets_of_topic(const Ingest& ingest,
                                                                const std::string& topic,
                                                                std::string_view own_schema) {
    std::vector<Ingest> targets;
    for (const Ingest& target : targets_of(ingest)) {
        auto one = of_topic(target, topic, own_schema);
        if (auto* const none = std::get_if<std::string>(&one)) return std::move(*none);
        targets.push_back(std::get<Ingest>(std::move(one)));
    }
    return targets;
}

}  // namespace sluice::config
