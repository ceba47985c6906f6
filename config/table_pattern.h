#pragma once

#include "config/config.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Tables whose names depend on the topic: "landing.{topic}".
namespace sluice::config {

/// The name of a table with places in braces that a topic fills: {topic}, {topic.2} (of its parts
/// between dots the second; {topic.-1} the last), {1} (what the expression's first group caught),
/// each also as {topic|lower}. "{{" is a brace.
class TablePattern {
public:
    /// What is wrong with the text, and what to write; `groups`: how many the expression has.
    [[nodiscard]] static std::variant<TablePattern, std::string> parse(std::string_view text,
                                                                       std::size_t groups);

    /// Whether it has no place at all: a name as any other.
    [[nodiscard]] bool is_constant() const;
    struct NoName {
        std::string why;
    };
    /// For a topic that the pipeline reads, `caught` by its expression: the table's name, each part
    /// in double quotes, so that whatever the topic is called is one identifier.
    [[nodiscard]] std::variant<std::string, NoName> name(const std::vector<std::string>& caught,
                                                         std::string_view own_schema) const;

private:
    struct Piece {
        enum class Kind { text, part, group };
        Kind kind = Kind::text;
        std::string text;  ///< as the database understands it
        int number = 0;    ///< group 0 is the whole topic
        bool lower = false;
    };
    using Part = std::vector<Piece>;

    static std::variant<Piece, std::string> place(std::string_view inside, std::size_t groups);
    [[nodiscard]] std::vector<std::string> parts(const std::vector<std::string>& caught) const;

    std::vector<Part> parts_;  // of the name: schema and table
};

/// The targets of one of the pipeline's topics: each as a pipeline of that topic alone, with its
/// table. Where one has none, why: a text that names both. No topic's table is in `own_schema`,
/// where progress is, nor among the database's own.
[[nodiscard]] std::variant<std::vector<Ingest>, std::string> targets_of_topic(
    const Ingest& ingest, const std::string& topic, std::string_view own_schema);

}  // namespace sluice::config
