#pragma once

#include "schemas/row_fields.h"

#include <string>
#include <vector>

namespace sluice {

/// The type of column that holds every value of the field.
[[nodiscard]] std::string column_type_for(const schemas::RowField& field);

/// CREATE TABLE with a column for each field, of its name. `table` as users write it; `key`: its
/// primary key; names that no field has are left out.
[[nodiscard]] std::string proposed_ddl(const std::string& table,
                                       const std::vector<schemas::RowField>& fields,
                                       const std::vector<std::string>& key);

}  // namespace sluice
