#pragma once

#include "sinks/catalogue/table_growth.h"
#include "sinks/session/session.h"

#include <optional>
#include <stdexcept>
#include <string>

namespace sluice {

/// It is locked, or a person is needed. The text says where, why, and which SQL it is about.
class TableNotGrown : public std::runtime_error {
    using runtime_error::runtime_error;
};

/// The table as the target names it; nullopt: there is none. Throws what read_table() throws.
[[nodiscard]] std::optional<Table> table_if_any(Session& session, const config::Ingest& target);

/// Makes the table, or adds columns, as growth_ddl() says, in a transaction of its own that waits a
/// second at most for whoever has locked it. Somebody else who does the same at the same time is
/// let: then it looks again. Returns the DDL that it ran; empty: nothing was missing. Throws
/// TableNotGrown, what read_table() throws, and DatabaseError where the connection broke.
std::string grow_table(Session& session, GrowthGoal goal);

}  // namespace sluice
