#include "sinks/catalogue/check_changes.h"

#include "sinks/catalogue/catalogue.h"
#include "sinks/schema/schema.h"
#include "sinks/session/server_family.h"
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

/// An MPP database refuses most unique ones.
std::string index_on(const Table& table, const std::vector<std::string>& key, bool mpp) {
    const std::string on = " INDEX ON " + qualified(table) + " (" + identifier_list(key) + ")";
    if (!mpp) return "CREATE UNIQUE" + on;
    return "CREATE" + on +
           ", or a UNIQUE one where the table is no append-optimized one and distributed by these "
           "columns or some of them";
}

}  // namespace

std::vector<Finding> check_changes(Session& session, const std::string& where,
                                   const config::Ingest& ingest, const Table& table) {
    std::vector<Finding> findings = lacking_rights(session, where, ingest, table);
    const std::vector<std::string>& key = ingest.key.empty() ? table.primary_key : ingest.key;
    const bool finds_rows = std::ranges::any_of(table.indexes, [&](const Index& index) {
        return !index.columns.empty() && std::ranges::find(key, index.columns.front()) != key.end();
    });
    const bool is_there = std::ranges::all_of(key, [&](const std::string& column) {
        return std::ranges::find(table.columns, column, &Column::name) != table.columns.end();
    });
    if (!finds_rows && is_there && !key.empty())
        findings.push_back({Severity::warning, where,
                            "no index begins with a column of the key, so each batch reads the "
                            "whole table",
                            index_on(table, key, is_mpp(session.family()))});
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
    std::vector<std::string> names;
    std::vector<std::string> tables;
    for (const config::Ingest& other : all) {
        if (other.name == ingest.name || other.mode == config::Mode::append) continue;
        if (!ingest.order.empty() && ingest.order == other.order) continue;
        names.push_back(other.name);
        tables.push_back(other.table);
    }
    if (names.empty()) return {};
    const Rows same = session.exec(
        "SELECT DISTINCT name FROM (SELECT unnest($2::text[]) AS name, unnest($3::text[]) AS its)"
        " others WHERE to_regclass(its) = to_regclass($1) ORDER BY 1",
        {ingest.table, array_literal(names), array_literal(tables)});
    std::vector<Finding> findings;
    for (std::size_t row = 0; row < same.rows.size(); ++row)
        findings.push_back({Severity::warning, "ingest." + ingest.name,
                            "table " + ingest.table + " is also changed by ingest." +
                                same.text(row, 0) +
                                ": they take turns, and of a key that both bring the change that "
                                "is committed later stays",
                            "let one pipeline read all that a table holds, unless no key is "
                            "brought by both"});
    return findings;
}

/// Superusers wait in no queue.
std::vector<Finding> check_slots(Session& session, const std::string& where, int lanes) {
    if (!is_mpp(session.family())) return {};
    if (session
            .exec("SELECT to_regclass('pg_resqueue') IS NOT NULL AND"
                  " coalesce(current_setting('gp_resource_manager', true), '') = 'queue'")
            .text(0, 0) != "t")
        return {};
    const Rows queue = session.exec(
        "SELECT q.rsqname, q.rsqcountlimit::int FROM pg_roles r JOIN pg_resqueue q ON"
        " q.oid = r.rolresqueue WHERE r.rolname = current_user AND NOT r.rolsuper AND"
        " q.rsqcountlimit > 0 AND q.rsqcountlimit < $1",
        {std::to_string(lanes)});
    if (queue.rows.empty()) return {};
    return {
        {Severity::warning, where,
         "resource queue " + quote_identifier(queue.text(0, 0)) + " of this role has " +
             queue.text(0, 1) + " active statements, and " + std::to_string(lanes) +
             " lanes take turns with the table: one that waits for its turn keeps the slot that "
             "the one before it needs, which is a deadlock again and again",
         "set lanes = " + queue.text(0, 1) + ", or ALTER RESOURCE QUEUE " +
             quote_identifier(queue.text(0, 0)) + " WITH (ACTIVE_STATEMENTS=" +
             std::to_string(lanes + 1) + "), more where other pipelines have this role"}};
}

std::vector<Finding> check_shared_tables(Session& session, const std::string& where,
                                         const std::vector<config::Ingest>& targets) {
    std::vector<std::string> tables;
    std::vector<std::string> changed;
    for (const config::Ingest& target : targets) {
        tables.push_back(target.table);
        if (target.mode != config::Mode::append) changed.push_back(target.table);
    }
    if (tables.size() < 2 || changed.empty()) return {};
    const Rows same = session.exec(
        "SELECT DISTINCT t.its, c.its FROM unnest($1::text[]) t(its), unnest($2::text[]) c(its)"
        " WHERE t.its <> c.its AND to_regclass(t.its) = to_regclass(c.its) ORDER BY 1, 2",
        {array_literal(tables), array_literal(changed)});
    if (same.rows.empty()) return {};
    return {{Severity::error, where, shared_by(same.text(0, 0), same.text(0, 1))}};
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
