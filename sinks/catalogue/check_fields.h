#pragma once

#include "config/config.h"
#include "pipeline/table.h"
#include "schemas/row_fields.h"
#include "sinks/catalogue/finding.h"

#include <string>
#include <vector>

namespace sluice {

/// What a schema says of a pipeline's mapping: fields that no column takes, columns that nothing
/// fills, columns whose type has none of the field's values. `schema`: what it is called.
[[nodiscard]] std::vector<Finding> check_fields(const config::Ingest& ingest, const Table& table,
                                                const std::vector<schemas::RowField>& fields,
                                                const std::string& schema);

/// Whether the rows of a target that follows change events are told apart by what the events' keys
/// are made of. `fields`: those of the keys; `schema`: what theirs is called.
[[nodiscard]] std::vector<Finding> check_key_of_changes(
    const config::Ingest& ingest, const Table& table, const std::vector<schemas::RowField>& fields,
    const std::string& schema);

}  // namespace sluice
