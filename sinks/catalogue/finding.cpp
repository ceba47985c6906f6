#include "sinks/catalogue/finding.h"

#include "sinks/session/sql_text.h"

namespace sluice {

std::string to_string(const Finding& finding) {
    return finding.where + ": " + finding.text +
           (finding.remedy.empty() ? "" : "; " + finding.remedy);
}

std::string role_of(Session& session) {
    return quote_identifier(session.exec("SELECT current_user").text(0, 0));
}

std::vector<Finding> lacking(Session& session, const std::string& where,
                             const std::vector<Need>& needs) {
    std::string values;
    for (const Need& need : needs) {
        values += (values.empty() ? "(" : ", (") + std::to_string(&need - needs.data()) + ", " +
                  quote_literal(need.table) + ", " + quote_literal(need.privilege) + ")";
    }
    const Rows rows =
        session.exec("SELECT name, privilege, to_regclass(name) IS NULL FROM (VALUES " + values +
                     ") AS needs (place, name, privilege) WHERE"
                     " NOT coalesce(has_table_privilege(to_regclass(name)::oid, privilege), false)"
                     " ORDER BY place");
    std::vector<Finding> findings;
    if (rows.rows.empty()) return findings;
    const std::string role = role_of(session);
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        const std::string& table = rows.text(row, 0);
        const std::string& privilege = rows.text(row, 1);
        if (rows.text(row, 2) == "t") {
            findings.push_back({Finding::Severity::error, where, "there is no table " + table,
                                "run sluice schema --apply as the owner of the others"});
            continue;
        }
        findings.push_back({Finding::Severity::error, where,
                            "this role lacks " + privilege + " on table " + table,
                            "GRANT " + privilege + " ON " + table + " TO " + role});
    }
    return findings;
}

}  // namespace sluice
