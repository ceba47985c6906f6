#include "sinks/catalogue/finding.h"

#include "sinks/session/sql_text.h"

namespace sluice {

std::string to_string(const Finding& finding) {
    return (finding.place.empty() ? "" : finding.place + ": ") + finding.where + ": " +
           finding.text + (finding.remedy.empty() ? "" : "; " + finding.remedy);
}

std::string role_of(Session& session) {
    return quote_identifier(session.exec("SELECT current_user").text(0, 0));
}

namespace {

std::vector<Finding> lacking_usage(Session& session, const std::string& where,
                                   const std::string& schemas) {
    std::vector<Finding> findings;
    const Rows rows = session.exec("SELECT nspname FROM pg_namespace WHERE nspname IN (" + schemas +
                                   ") AND NOT has_schema_privilege(oid, 'USAGE') ORDER BY nspname");
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        const std::string schema = quote_identifier(rows.text(row, 0));
        findings.push_back({Finding::Severity::error, where,
                            "this role lacks USAGE on schema " + schema,
                            "GRANT USAGE ON SCHEMA " + schema + " TO " + role_of(session)});
    }
    return findings;
}

}  // namespace

std::vector<Finding> lacking(Session& session, const std::string& where,
                             const std::vector<Need>& needs) {
    std::string values;
    std::string schemas;
    for (const Need& need : needs) {
        values += (values.empty() ? "(" : ", (") + std::to_string(&need - needs.data()) + ", " +
                  quote_literal(need.schema) + ", " + quote_literal(need.table) + ", " +
                  quote_literal(need.privilege) + ")";
        schemas += (schemas.empty() ? "" : ", ") + quote_literal(need.schema);
    }
    std::vector<Finding> findings = lacking_usage(session, where, schemas);
    // By the catalogue: to_regclass() wants USAGE on the schema.
    const Rows rows = session.exec(
        "SELECT place, c.oid IS NULL FROM (VALUES " + values +
        ") AS needs (place, in_schema, name, privilege) LEFT JOIN (pg_class c JOIN pg_namespace n"
        " ON n.oid = c.relnamespace) ON n.nspname = in_schema AND c.relname = name"
        " WHERE NOT coalesce(has_table_privilege(c.oid, privilege), false) ORDER BY place");
    if (rows.rows.empty()) return findings;
    const std::string role = role_of(session);
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        const Need& need = needs.at(static_cast<std::size_t>(rows.number(row, 0)));
        const std::string table =
            quote_identifier(need.schema) + "." + quote_identifier(need.table);
        if (rows.text(row, 1) == "t") {
            findings.push_back({Finding::Severity::error, where, "there is no table " + table,
                                "run sluice schema --apply as the owner of the others"});
            continue;
        }
        findings.push_back({Finding::Severity::error, where,
                            "this role lacks " + need.privilege + " on table " + table,
                            "GRANT " + need.privilege + " ON " + table + " TO " + role});
    }
    return findings;
}

}  // namespace sluice
