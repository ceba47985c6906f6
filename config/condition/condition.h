#pragma once

#include "config/condition/operators.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Conditions as users write them in `filter` and behind --where: `(partition = 0 and offset > 100)
/// or timestamp >= '2026-01-31T12:00:00Z'`. This is the language alone, over fields that the caller
/// names; what a condition means is said by its readers: pipeline/mapping/record_condition.h,
/// query/record_filter.h, query/read_ranges.h, and sinks/session/where_sql.h.
namespace sluice::config {

enum class FieldType {
    number,  ///< whole numbers
    time,    ///< milliseconds since 1970 UTC, written so or in RFC 3339
    text,    ///< in single quotes
    any,     ///< as its operand is written: text in single quotes, a number, a time, true or false
};

struct Field {
    std::string_view
        name;  ///< in lower case, users may write it in any; else as they must write it
    FieldType type = FieldType::number;
};

/// A number as it is written: any digits, perhaps a point and an exponent.
struct Number {
    std::string text;
    bool operator==(const Number&) const = default;
};

/// A field against a constant. Null fulfils nothing but is_null, as in SQL.
struct Comparison {
    std::size_t field = 0;  ///< index into the fields that parse_where() was given
    Operator op = Operator::equal;
    /// By the field's type: number and time, text, and the last three for any.
    using Operand = std::variant<std::int64_t, std::string, Number, bool>;
    Operand operand;

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

/// The names of the fields that a condition is about, in the order of their first use, as they are
/// written and without quotes; what is wrong with the text is parse_where()'s to say.
[[nodiscard]] std::vector<std::string> fields_named_in(std::string_view text);

/// The condition, or what is wrong with it: `character 10: expected a whole number, found "x"`.
[[nodiscard]] std::variant<Condition, std::string> parse_where(std::string_view text,
                                                               std::span<const Field> fields);

}  // namespace sluice::config
