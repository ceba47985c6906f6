#pragma once

#include "schemas/row_fields.h"
#include "sinks/session/server_family.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

/// The type of column that holds every value of the field.
[[nodiscard]] std::string column_type_for(const schemas::RowField& field);

/// Why no column of a user's table can have this name; nullptr: one can.
[[nodiscard]] const char* complaint_of_column_name(std::string_view name);

/// Whether one of the fields gets a column of this name.
[[nodiscard]] bool is_column_of(const std::vector<schemas::RowField>& fields,
                                const std::string& name);

/// CREATE TABLE with a column for each field, of its name, where a column can have it; comments
/// tell of others. `table` as users write it; `key`: its primary key, by which an MPP database
/// distributes rows, at random without one; where it names what is no column there is none, and a
/// comment tells. `storage`: options of WITH (…), each name a plain one.
[[nodiscard]] std::string proposed_ddl(
    const std::string& table, const std::vector<schemas::RowField>& fields,
    const std::vector<std::string>& key, Family family = Family::postgresql,
    const std::vector<std::pair<std::string, std::string>>& storage = {});

}  // namespace sluice
