#pragma once

#include <compare>
#include <optional>
#include <string_view>

/// What a condition compares by.
namespace sluice::config {

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

/// NOT is carried down to the comparisons, so that no reader of a condition meets it. That is also
/// what SQL's three-valued logic comes to: a null fulfils neither a comparison nor its opposite.
[[nodiscard]] Operator opposite(Operator op);
/// `5 < offset` is `offset > 5`.
[[nodiscard]] Operator mirrored(Operator op);
/// "<=", "<>"; nullopt: the text is none of the six comparisons.
[[nodiscard]] std::optional<Operator> comparison_written(std::string_view text);

/// Whether what compares so fulfils one of the six comparisons; false for the others.
[[nodiscard]] bool holds(Operator op, std::strong_ordering ordering);

}  // namespace sluice::config
