#pragma once

#include "config/config.h"
#include "pipeline/table.h"
#include "sinks/catalogue/finding.h"
#include "sinks/session/session.h"

#include <string>
#include <vector>

namespace sluice {

/// Of more than one partition.
constexpr const char* truncations_have_no_order =
    "on_truncate = \"apply\" needs a topic of one partition: a truncation has no order among the "
    "changes of others; choose \"ignore\" or \"reject\"";

/// What a pipeline needs, and should know, that changes rows of its table by their key. `where`: of
/// the findings; `key`: columns. Throws DatabaseError.
[[nodiscard]] std::vector<Finding> check_changes(Session& session, const std::string& where,
                                                 const config::Ingest& ingest, const Table& table);

/// Whether this role may make temporary tables, where rows are staged.
[[nodiscard]] std::vector<Finding> lacking_temporary(Session& session, const std::string& where);

/// What such a pipeline should know of the others that change the rows of its table, by name.
/// `all`: every target that there is, each with a table of its own.
[[nodiscard]] std::vector<Finding> check_other_changes(Session& session,
                                                       const config::Ingest& ingest,
                                                       const std::vector<config::Ingest>& all);

/// Whether the role's resource queue, as Greenplum has them, lets as many lanes work at a time as
/// wait for each other: one that waits for the table's turn has a slot that the next one needs.
[[nodiscard]] std::vector<Finding> check_slots(Session& session, const std::string& where,
                                               int lanes);

/// Whether two targets of one pipeline are one table by two names ("users", "public.users") that
/// one of them changes. `targets`: those of one topic.
[[nodiscard]] std::vector<Finding> check_shared_tables(Session& session, const std::string& where,
                                                       const std::vector<config::Ingest>& targets);

/// Whether it may keep what it removes, where an order asks for that. `schema`: of Sluice's tables.
[[nodiscard]] std::vector<Finding> check_removed_rows(Session& session, const std::string& where,
                                                      const config::Ingest& ingest,
                                                      const std::string& schema);

}  // namespace sluice
