#pragma once

#include "sinks/session/session.h"

#include <string>

namespace sluice {

/// What the server is. Where Sluice's own SQL has to differ, it differs by this.
enum class Family { postgresql, greenplum, cloudberry };

/// From what version() says.
[[nodiscard]] Family family_of(std::string_view version);
[[nodiscard]] Family family_of(Session& session);
[[nodiscard]] inline bool is_mpp(Family family) {
    return family != Family::postgresql;
}

/// The version of Sluice's tables that this program reads and writes.
inline constexpr int schema_version = 1;

/// DDL of Sluice's own tables, idempotent, for psql or for ensure_schema().
[[nodiscard]] std::string schema_ddl(Family family, const std::string& schema);

/// Why this database cannot hold whatever text records bring: it is not encoded as UTF8. Empty: it
/// is.
[[nodiscard]] std::string complaint_of_encoding(Session& session);

/// Leaves the database with Sluice's tables: looks, and creates what is missing where the role may.
/// Throws TroubleOfTheWorld where it may not, or where the tables are of another version, and
/// WrongConfiguration where the database is not encoded as UTF8.
void ensure_schema(Session& session, const std::string& schema);

/// The version of the tables that are there; 0: none.
[[nodiscard]] int installed_schema_version(Session& session, const std::string& schema);

}  // namespace sluice
