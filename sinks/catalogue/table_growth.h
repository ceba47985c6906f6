#pragma once

#include "config/config.h"
#include "pipeline/table.h"
#include "schemas/row_fields.h"
#include "sinks/catalogue/finding.h"
#include "sinks/session/server_family.h"

#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// What a table is compared with.
struct GrowthGoal {
    const config::Ingest& target;
    const schemas::RowFields& rows;
    std::vector<std::string> key{};  ///< of a table that is not there yet
    Family family = Family::postgresql;
};

/// The DDL that gives a column to all that the target's mapping takes, of the schema's types, all
/// nullable: CREATE TABLE where there is none, else ALTER TABLE … ADD COLUMN; empty: nothing is
/// missing. What is there stays as it is.
[[nodiscard]] std::string growth_ddl(const GrowthGoal& goal, const std::optional<Table>& table);

/// Whether it is not empty for a table that there is.
[[nodiscard]] bool lacks_columns(const config::Ingest& target, const Table& table,
                                 const schemas::RowFields& rows);

/// What growth_ddl() leaves alone: columns that do not keep all that their field may be by the
/// schema, with the SQL that its owner can run, and names that no column can have. Beside what
/// check_fields() says.
[[nodiscard]] std::vector<Finding> unfit_for_growth(const config::Ingest& target,
                                                    const Table& table,
                                                    const schemas::RowFields& rows);

/// Why a table cannot be made, or grow, by such a schema; empty: it can.
[[nodiscard]] std::string why_not_grown(const GrowthGoal& goal, const std::optional<Table>& table);

}  // namespace sluice
