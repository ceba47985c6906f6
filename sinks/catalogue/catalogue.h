#pragma once

#include "config/config.h"
#include "pipeline/mapping/targets.h"
#include "pipeline/table.h"
#include "sinks/session/server_family.h"
#include "sinks/session/session.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Reads a table by its name as the user wrote it: "schema.table" or "table" (search_path), parts
/// in double quotes where PostgreSQL would need them. Throws WrongConfiguration when there is no
/// such table or it cannot be loaded into, DatabaseError when the database does not answer.
[[nodiscard]] Table read_table(Session& session, const std::string& name);

/// By their names, as above.
using TablesByName = std::map<std::string, Table>;
/// The same of many, by as many statements as of one, and one more for all views. What cannot be
/// loaded into is left out: read_table() says why. Throws DatabaseError, for a name that is none,
/// too.
[[nodiscard]] TablesByName read_tables(Session& session, const std::vector<std::string>& names);

/// The table that an [ingest.NAME] loads, with the fields that its SQL reads. `known`: tables that
/// were read just now. Throws what read_table() throws, and WrongConfiguration for a type that the
/// database does not know. Needs the right to create temporary tables where a field has a type.
[[nodiscard]] Table read_target(Session& session, const config::Ingest& ingest,
                                const TablesByName& known = {});

/// Those of one of its topics, with the same. Throws WrongConfiguration where one has none, too,
/// and where two that change rows are one table.
[[nodiscard]] std::vector<Targets::Target> read_targets(Session& session,
                                                        const config::Ingest& ingest,
                                                        const std::string& topic,
                                                        const std::string& own_schema,
                                                        const TablesByName& known = {});
/// What is wrong with two targets that are one table, as these call it.
[[nodiscard]] std::string shared_by(const std::string& one, const std::string& other);

/// Whether a server calls the time zone so whose times are UTC.
[[nodiscard]] bool is_utc(std::string_view time_zone);

/// "public"."orders", quoted.
[[nodiscard]] std::string qualified(const Table& table);

/// In a query of pg_attribute a with its pg_type t: the collation that a column has and its type
/// has not, qualified and quoted; NULL: there is none.
inline constexpr const char* own_collation =
    "CASE WHEN a.attcollation <> t.typcollation THEN"
    " (SELECT quote_ident(n.nspname) || '.' || quote_ident(c.collname) FROM pg_collation c"
    " JOIN pg_namespace n ON n.oid = c.collnamespace WHERE c.oid = a.attcollation) END";

/// By column whose type is a domain that refuses NULL: the type that it is made of.
[[nodiscard]] std::map<std::string, std::string> types_behind_domains(Session& session,
                                                                      const Table& table);

/// What `sluice check` wants to know of a table besides.
struct TableTraits {
    std::vector<std::string> columns_without_insert;  ///< of the columns asked for
    struct Drawn {
        std::string column;
        std::string sequence;  ///< quoted where it has to be
    };
    /// That this role may not draw from, though defaults of columns not asked for do.
    std::vector<Drawn> sequences_without_usage;
    bool secured_by_row = false;            ///< for this role
    std::string distribution;               ///< MPP: "DISTRIBUTED BY (id)"
    std::vector<std::string> foreign_keys;  ///< MPP, which takes them for documentation
    bool has_unique_index = false;
    std::vector<std::string> deferred_constraints;
    std::vector<std::string> row_triggers;  ///< on INSERT, ours and the database's own left out
};
[[nodiscard]] TableTraits read_traits(Session& session, const Table& table, Family family,
                                      const std::vector<std::string>& columns);

}  // namespace sluice
