#pragma once

#include "pipeline/table.h"
#include "sinks/session/session.h"

#include <map>
#include <string>

namespace sluice {

/// Older MPP databases keep the storage in pg_class.relstorage, newer ones as an access method.
[[nodiscard]] bool has_relstorage(Session& session);

/// Whether more happens along with what is done to a table's rows.
struct Followers {
    bool of_deletes = false;  ///< triggers, rules, rows that refer to them and go or change along
    bool of_updates = false;  ///< rows that refer to them and change along
};

/// `table`: its name in SQL. Throws DatabaseError.
[[nodiscard]] Followers read_followers(Session& session, const std::string& table);

/// What decides how changes of tables' rows are made: their primary keys, their indexes, whom they
/// refer to, how they are stored, which columns' equality is that of bytes. `oids`: an array of
/// theirs, by which they are given, with their columns. Throws DatabaseError.
void read_keys(Session& session, const std::string& oids,
               const std::map<std::string, Table*>& tables);

}  // namespace sluice
