#include "config/condition/operators.h"

namespace sluice::config {

Operator opposite(Operator op) {
    switch (op) {
        case Operator::equal:
            return Operator::not_equal;
        case Operator::not_equal:
            return Operator::equal;
        case Operator::less:
            return Operator::greater_equal;
        case Operator::less_equal:
            return Operator::greater;
        case Operator::greater:
            return Operator::less_equal;
        case Operator::greater_equal:
            return Operator::less;
        case Operator::like:
            return Operator::not_like;
        case Operator::not_like:
            return Operator::like;
        case Operator::is_null:
            return Operator::is_not_null;
        case Operator::is_not_null:
            break;
    }
    return Operator::is_null;
}

Operator mirrored(Operator op) {
    switch (op) {
        case Operator::less:
            return Operator::greater;
        case Operator::less_equal:
            return Operator::greater_equal;
        case Operator::greater:
            return Operator::less;
        case Operator::greater_equal:
            return Operator::less_equal;
        default:
            return op;
    }
}

std::optional<Operator> comparison_written(std::string_view text) {
    if (text == "=") return Operator::equal;
    if (text == "!=" || text == "<>") return Operator::not_equal;
    if (text == "<") return Operator::less;
    if (text == "<=") return Operator::less_equal;
    if (text == ">") return Operator::greater;
    if (text == ">=") return Operator::greater_equal;
    return std::nullopt;
}

bool holds(Operator op, std::strong_ordering ordering) {
    switch (op) {
        case Operator::equal:
            return ordering == 0;
        case Operator::not_equal:
            return ordering != 0;
        case Operator::less:
            return ordering < 0;
        case Operator::less_equal:
            return ordering <= 0;
        case Operator::greater:
            return ordering > 0;
        case Operator::greater_equal:
            return ordering >= 0;
        default:
            return false;
    }
}

}  // namespace sluice::config
