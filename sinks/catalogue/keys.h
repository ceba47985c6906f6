#pragma once

#include "pipeline/mapping/table.h"
#include "sinks/session/session.h"

#include <string>

namespace sluice {

/// Older MPP databases keep the storage in pg_class.relstorage, newer ones as an access method.
[[nodiscard]] bool has_relstorage(Session& session);

/// What decides how changes of a table's rows are made: its primary key, its indexes, who refers to
/// it, how it is stored, which columns' equality is that of bytes. `oid`: the table's. Throws
/// DatabaseError.
void read_keys(Session& session, const std::string& oid, Table& table);

}  // namespace sluice
