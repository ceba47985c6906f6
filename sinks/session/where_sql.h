#pragma once

#include "config/condition/condition.h"
#include "sinks/session/session.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// A field of a condition, as SQL: an expression of type bigint, timestamptz or text.
struct SqlField {
    config::Field field;
    std::string_view expression;
};

/// As users know them.
[[nodiscard]] std::vector<config::Field> names_of(std::span<const SqlField> fields);

/// A condition as SQL of PostgreSQL 9.6. Constants become parameters behind those that `parameters`
/// holds already; nothing that a user wrote becomes part of the text.
[[nodiscard]] std::string to_sql(const config::Condition& condition,
                                 std::span<const SqlField> fields, Row& parameters);

}  // namespace sluice
