#include "sinks/catalogue/check_changes.h"

#include "sinks/books/schema.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <iterator>

namespace sluice {
namespace {

using Severity = Finding::Severity;

bool removes_rows(const config::Ingest& ingest) {
    return ingest.delete_when != config::DeleteWhen::never ||
           ingest.envelope != config::Envelope::none;
}

std::vector<Finding> lacking_rights(Session& session, const std::string& where,
                                    const config::Ingest& ingest, const Table& table) {
    std::vector<Need> needs = {{table.schema, table.name, "SELECT"},
                               {table.schema, table.name, "UPDATE"}};
    if (removes_rows(ingest)) needs.push_back({table.schema, table.name, "DELETE"});
    std::vector<Finding> findings = lacking(session, where, needs);
    std::ranges::move(lacking_temporary(session, where), std::back_inserter(findings));
    return findings;
}

}  // namespace

std::vector<Finding> check_changes(Session& session, const std::string& where,
                                   const config::Ingest& ingest, const Table& table) {
    std::vector<Finding> findings = lacking_rights(session, where, ingest, table);
    const std::vector<std::string>& key = ingest.key.empty() ? table.primary_key : ingest.key;
    const bool finds_rows = std::ranges::any_of(table.indexes, [&](const Index& index) {
        return index.plain && !index.columns.empty() &&
               std::ranges::find(key, index.columns.front()) != key.end();
    });
    if (!finds_rows && !key.empty())
        findings.push_back(
            {Severity::warning, where,
             "no index begins with a column of the key, so each batch reads the "
             "whole table",
             "CREATE UNIQUE INDEX ON " + qualified(table) + " (" + identifier_list(key) + ")"});
    if (ingest.lanes > 1)
        findings.push_back({Severity::hint, where,
                            "is changed by " + std::to_string(ingest.lanes) +
                                " lanes, which take turns: on an MPP database a change locks the "
                                "whole table",
                            "lanes = 1, unless decoding is what takes the time"});
    return findings;
}

std::vector<Finding> lacking_temporary(Session& session, const std::string& where) {
    const Rows may = session.exec(
        "SELECT has_database_privilege(current_database(), 'TEMPORARY'), current_database()");
    if (may.text(0, 0) == "t") return {};
    return {{Severity::error, where,
             "rows are staged in a temporary table, which this role may not make",
             "GRANT TEMPORARY ON DATABASE " + quote_identifier(may.text(0, 1)) + " TO " +
                 role_of(session)}};
}

std::vector<Finding> check_other_changes(Session& session, const config::Ingest& ingest,
                                         const std::vector<config::Ingest>& all) {
    std::vector<Finding> findings;
    for (const config::Ingest& other : all) {
        if (other.name == ingest.name || other.mode == config::Mode::append) continue;
        if (!ingest.order.empty() && ingest.order == other.order) continue;
        const Rows same =
            session.exec("SELECT to_regclass($1) = to_regclass($2)", {ingest.table, other.table});
        if (same.rows[0][0] != "t") continue;
        findings.push_back({Severity::warning, "ingest." + ingest.name,
                            "table " + ingest.table + " is also changed by ingest." + other.name +
                                ": they take turns, and of a key that both bring the change that "
                                "is committed later stays",
                            "let one pipeline read all that a table holds, unless no key is "
                            "brought by both"});
    }
    return findings;
}

std::vector<Finding> check_removed_rows(Session& session, const std::string& where,
                                        const config::Ingest& ingest, const std::string& schema) {
    // Where the table is missing yet, whoever makes it owns it.
    if (ingest.order.empty() || !removes_rows(ingest)) return {};
    if (!has_own_table(session, schema, "removed_row")) return {};
    return lacking(session, where,
                   {{schema, "removed_row", "SELECT"}, {schema, "removed_row", "INSERT"}});
}

}  // namespace sluice
