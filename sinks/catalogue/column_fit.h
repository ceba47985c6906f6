#pragma once

#include "pipeline/table.h"
#include "schemas/row_fields.h"

#include <string>

namespace sluice {

[[nodiscard]] bool is_number(schemas::RowField::Type type);

/// Whether a column's type has most values of a field, in the text that they arrive as.
[[nodiscard]] bool suits(const schemas::RowField& field, ColumnType column);

/// Whether a column keeps all that a field may be by its schema as it is: none of its values is
/// refused, rounded or cut. What schemas cannot say, such as how long a text is or that a number is
/// small, is the column's choice, and no reason to say no.
[[nodiscard]] bool keeps_all_of(const Column& column, const schemas::RowField& field);

/// The SQL, behind ALTER TABLE …, by which the column keeps what it holds and all of the field.
[[nodiscard]] std::string widening(const Column& column, const schemas::RowField& field);

}  // namespace sluice
