#pragma once

#include "config/config.h"
#include "pipeline/mapping/table.h"
#include "sinks/catalogue/finding.h"
#include "sinks/session/session.h"

#include <string>
#include <vector>

namespace sluice {

/// What a pipeline needs, and should know, that changes rows of its table by their key. `where`: of
/// the findings; `key`: columns. Throws DatabaseError.
[[nodiscard]] std::vector<Finding> check_changes(Session& session, const std::string& where,
                                                 const config::Ingest& ingest, const Table& table);

/// What such a pipeline should know of the others that change the rows of its table, by name.
[[nodiscard]] std::vector<Finding> check_other_changes(Session& session,
                                                       const config::Ingest& ingest,
                                                       const std::vector<config::Ingest>& all);

/// Whether it may keep what it removes, where an order asks for that. `schema`: of Sluice's tables.
[[nodiscard]] std::vector<Finding> check_removed_rows(Session& session, const std::string& where,
                                                      const config::Ingest& ingest,
                                                      const std::string& schema);

}  // namespace sluice
