#include "sinks/load/isolation/sql_types.h"

#include "sinks/catalogue/catalogue.h"
#include "sinks/session/sql_text.h"

namespace sluice {
namespace {

/// An array's parameter has no modifier, as in numeric(10, 2). Of these types the cast makes of a
/// value what COPY makes of it, if COPY takes the value at all.
constexpr const char* casts_as_copy_reads =
    "t.oid IN ('pg_catalog.numeric'::regtype, 'pg_catalog.varchar'::regtype,"
    " 'pg_catalog.bpchar'::regtype, 'pg_catalog.timestamp'::regtype,"
    " 'pg_catalog.timestamptz'::regtype, 'pg_catalog.time'::regtype)";

}  // namespace

SqlTypes sql_types(Session& session, const std::string& table,
                   const std::vector<std::string>& columns) {
    // Modifier -1 is none; without one format_type() says character[], which is character(1)[].
    const Rows rows = session.exec_prepared(
        "sql_types",
        std::string("SELECT a.attname, format_type(t.oid, a.atttypmod), ") + own_collation +
            ", t.oid::bigint, CASE WHEN t.typarray <> 0 AND (a.atttypmod = -1 OR " +
            casts_as_copy_reads +
            ") THEN format_type(t.typarray, -1) END"
            " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
            " WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped"
            " AND a.attname = ANY ($2::name[])",
        {table, array_literal(columns)});
    SqlTypes types;
    for (std::size_t row = 0; row < rows.rows.size(); ++row)
        types[rows.text(row, 0)] = {.sql = rows.text(row, 1),
                                    .collation = rows.rows[row][2].value_or(""),
                                    .oid = rows.number(row, 3),
                                    .array = rows.rows[row][4].value_or("")};
    return types;
}

}  // namespace sluice
