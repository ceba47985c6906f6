#pragma once

#include "sinks/session/server_family.h"
#include "sinks/session/session.h"

#include <span>
#include <string>
#include <string_view>

namespace sluice {

/// The version of Sluice's tables that this program reads and writes.
inline constexpr int schema_version = 4;

/// A step from the version before to this one.
struct Migration {
    int to = 0;
    std::string_view sql;
};
/// This program's, in order; the last leads to schema_version.
[[nodiscard]] std::span<const Migration> schema_migrations();

/// DDL of Sluice's own tables where there are none, idempotent, for psql or for ensure_schema().
[[nodiscard]] std::string schema_ddl(Family family, const std::string& schema);
/// DDL that leads from the installed version to the last; for one transaction. Empty: nothing to
/// do.
[[nodiscard]] std::string upgrade_ddl(Family family, const std::string& schema, int installed,
                                      std::span<const Migration> migrations = schema_migrations());

/// Why this database cannot hold whatever text records bring: it is not encoded as UTF8. Empty: it
/// is.
[[nodiscard]] std::string complaint_of_encoding(Session& session);

/// Leaves the database with Sluice's tables: looks, and creates what is missing or upgrades what is
/// older where the role may. Throws TroubleOfTheWorld where it may not, or where the tables are
/// newer than this program, and WrongConfiguration where the database is not encoded as UTF8.
void ensure_schema(Session& session, const std::string& schema,
                   std::span<const Migration> migrations = schema_migrations());

/// The sentence for tables of a version that this program does not know.
[[nodiscard]] std::string newer_than_program(const std::string& schema, int installed,
                                             int known = schema_version);

/// Whether there is this one of Sluice's tables, whatever the role may do with it.
[[nodiscard]] bool has_own_table(Session& session, const std::string& schema,
                                 const std::string& table = "schema_version");

/// The version of the tables that are there; 0: none.
[[nodiscard]] int installed_schema_version(Session& session, const std::string& schema);

}  // namespace sluice
