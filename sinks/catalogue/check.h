#pragma once

#include "config/config.h"
#include "pipeline/mapping/table.h"
#include "sinks/session/session.h"

#include <string>
#include <vector>

namespace sluice {

/// One thing that `sluice check` has to say.
struct Finding {
    enum class Severity { hint, warning, error };
    Severity severity = Severity::error;
    std::string text;
    std::string remedy;
};

/// That this role has no right to a sequence that a default draws from. `where`: "…: table t: ".
[[nodiscard]] Finding may_not_draw_from(const std::string& sequence, const std::string& where);

/// Sluice's own tables: there, of our version, with the rights that the daemon needs. Also what of
/// the server matters. Throws DatabaseError when the database does not answer.
[[nodiscard]] std::vector<Finding> check_own_tables(Session& session, const std::string& schema);

/// A pipeline's target, as read_table() found it. `columns`: what the mapping fills.
[[nodiscard]] std::vector<Finding> check_target(Session& session, const config::Ingest& ingest,
                                                const Table& table,
                                                const std::vector<std::string>& columns);

}  // namespace sluice
