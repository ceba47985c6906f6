#include "sinks/catalogue/check_growth.h"

#include "config/text/words.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/session/sql_text.h"

namespace sluice {
namespace {

using Severity = Finding::Severity;

std::vector<Finding> may_alter(Session& session, const std::string& where, const Table& table) {
    // The role itself, or one whose member it is.
    const bool may = session
                         .exec(
                             "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class"
                             " WHERE oid = $1::regclass",
                             {qualified(table)})
                         .text(0, 0) == "t";
    if (may) return {};
    return {{Severity::warning, where + ": table " + qualified(table),
             "on_extra = \"add_column\" cannot add columns to it: only its owner can; records with "
             "new fields will wait",
             "ALTER TABLE " + qualified(table) + " OWNER TO " + role_of(session)}};
}

std::vector<Finding> may_create(Session& session, const std::string& where,
                                const std::string& table) {
    const Rows asked = session.exec(
        "SELECT s.name, n.oid IS NOT NULL, coalesce(has_schema_privilege(n.oid, 'CREATE'), false)"
        " FROM (SELECT CASE WHEN array_length(p.parts, 1) > 1 THEN p.parts[1]"
        " ELSE current_schema() END AS name FROM (SELECT parse_ident($1) AS parts) p) s"
        " LEFT JOIN pg_namespace n ON n.nspname = s.name",
        {table});
    const std::string schema = asked.rows[0][0].value_or("");
    const std::string here = where + ": table " + table;
    if (asked.text(0, 1) != "t")
        return {{Severity::error, here,
                 schema.empty()
                     ? "search_path names no schema to make it in"
                     : "there is no schema " + config::in_quotes(schema) + " to make it in",
                 schema.empty() ? "write it as schema.table"
                                : "CREATE SCHEMA " + quote_identifier(schema)}};
    if (asked.text(0, 2) != "t")
        return {{Severity::error, here,
                 "create = true cannot make it: the role lacks CREATE on its schema",
                 "GRANT CREATE ON SCHEMA " + quote_identifier(schema) + " TO " + role_of(session)}};
    return {{Severity::hint, here, "it is made as soon as records' schema is known",
             "sluice plan --ddl prints how"}};
}

}  // namespace

std::vector<Finding> check_growth_rights(Session& session, const std::string& where,
                                         const config::Ingest& target,
                                         const std::optional<Table>& table) {
    if (!table)
        return target.create ? may_create(session, where, target.table) : std::vector<Finding>();
    if (target.on_extra != config::OnExtra::add_column) return {};
    return may_alter(session, where, *table);
}

}  // namespace sluice
