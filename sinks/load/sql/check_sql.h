#pragma once

#include "config/config.h"
#include "pipeline/table.h"
#include "sinks/catalogue/finding.h"
#include "sinks/session/session.h"

#include <string>
#include <vector>

namespace sluice {

/// The SQL of a pipeline, as the database understands it now.
struct CheckedSql {
    std::vector<Finding> findings;
    std::string types;  ///< what the expressions are: "total is numeric"; empty: there are none
};

/// Has the database plan each expression, and reads nothing. `table`: as read_target() found it;
/// the mapping must fit it. `where`: of the findings. Throws DatabaseError for the world's trouble.
[[nodiscard]] CheckedSql check_sql(Session& session, const std::string& where,
                                   const config::Ingest& ingest, const Table& table);

}  // namespace sluice
