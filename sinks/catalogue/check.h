#pragma once

#include "config/config.h"
#include "pipeline/table.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/catalogue/finding.h"
#include "sinks/session/session.h"

#include <string>
#include <vector>

namespace sluice {

/// Columns that are not filled and draw from a sequence, of which this role may not draw.
[[nodiscard]] std::vector<Finding> undrawable(Session& session, const std::string& where,
                                              const TableTraits& traits);
/// Columns that are filled and that this role may not insert into.
[[nodiscard]] std::vector<Finding> uninsertable(Session& session, const std::string& where,
                                                const Table& table, const TableTraits& traits);

/// Sluice's own tables: there, of our version, with the rights that the daemon needs. Also what of
/// the server matters. Throws DatabaseError when the database does not answer.
[[nodiscard]] std::vector<Finding> check_own_tables(Session& session, const std::string& schema);

/// A pipeline's target, as read_table() found it. `columns`: what the mapping fills.
[[nodiscard]] std::vector<Finding> check_target(Session& session, const config::Ingest& ingest,
                                                const Table& table,
                                                const std::vector<std::string>& columns);

}  // namespace sluice
