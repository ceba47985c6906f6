#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Conditions as users write them behind --where: `(partition = 0 and offset > 100) or timestamp >=
/// '2026-01-31T12:00:00Z'`. This is the language alone, over fields that the caller names; what a
/// condition means is said by its readers: record_filter.h, read_ranges.h, and SQL elsewhere.
namespace sluice::query {

enum class FieldType {
    number,  ///< whole numbers
    time,    ///< milliseconds since 1970 UTC, written so or in RFC 3339
    text,    ///< in single quotes
};

struct Field {
    std::string_view name;  ///< in lower case; users may write it in any
    FieldType type = FieldType::number;
};

enum class Operator {
    equal,
    not_equal,
    less,
    less_equal,
    greater,
    greater_equal,
    like,  ///< text only: % any characters, _ one, \ takes the next literally
    not_like,
    is_null,  ///< has no operand
    is_not_null,
};

/// A field against a constant. Null fulfils nothing but is_null, as in SQL.
struct Comparison {
    std::size_t field = 0;  ///< index into the fields that parse_where() was given
    Operator op = Operator::equal;
    std::variant<std::int64_t, std::string> operand;  ///< text for text fields, a number otherwise

    [[nodiscard]] std::int64_t number() const { return std::get<std::int64_t>(operand); }
    [[nodiscard]] const std::string& text() const { return std::get<std::string>(operand); }
    bool operator==(const Comparison&) const = default;
};

/// A tree of all_of and any_of over comparisons. NOT, BETWEEN and IN are resolved into these.
struct Condition {
    enum class Kind { comparison, all_of, any_of };
    Kind kind = Kind::comparison;
    Comparison comparison;         ///< Kind::comparison
    std::vector<Condition> parts;  ///< the other kinds: two or more, none of them of the same kind

    bool operator==(const Condition&) const = default;
};

/// The condition, or what is wrong with it: `character 10: expected a whole number, found "x"`.
[[nodiscard]] std::variant<Condition, std::string> parse_where(std::string_view text,
                                                               std::span<const Field> fields);

}  // namespace sluice::query
