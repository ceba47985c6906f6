#include "sinks/catalogue/check.h"

#include "sinks/catalogue/catalogue.h"
#include "sinks/catalogue/check_changes.h"
#include "sinks/catalogue/check_hidden.h"
#include "sinks/schema/schema.h"
#include "sinks/session/server_family.h"
#include "sinks/session/sql_text.h"

#include <algorithm>

namespace sluice {
namespace {

using Severity = Finding::Severity;

/// What the daemon does with Sluice's own tables; DELETE on the ledger is for pruning it.
std::vector<Need> needs(const std::string& schema) {
    return {{schema, "progress", "SELECT"},    {schema, "anchor", "SELECT"},
            {schema, "anchor", "INSERT"},      {schema, "ledger", "SELECT"},
            {schema, "ledger", "INSERT"},      {schema, "ledger", "DELETE"},
            {schema, "dead_letter", "INSERT"}, {schema, "schema_version", "SELECT"}};
}

/// What follows from there being no [columns].
std::vector<Finding> check_implied_columns(Session& session, const std::string& where,
                                           const config::Ingest& ingest, const Table& table) {
    std::vector<Finding> findings;
    const std::string section = "[ingest." + ingest.name + ".columns]";
    for (const Column& column : table.columns) {
        if (!column.has_default) continue;
        findings.push_back({Severity::hint, where,
                            "column " + quote_identifier(column.name) +
                                " has a default, but is filled from the record: a record without "
                                "it " +
                                (column.not_null ? "is rejected" : "loads NULL"),
                            "list the columns in " + section + " without it"});
    }
    if (ingest.format != config::Format::csv) return findings;
    const Rows moved = session.exec(
        "SELECT a.attname FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0"
        " AND NOT a.attisdropped AND EXISTS (SELECT 1 FROM pg_attribute d"
        " WHERE d.attrelid = a.attrelid AND d.attisdropped AND d.attnum > 0"
        " AND d.attnum < a.attnum) ORDER BY a.attnum LIMIT 1",
        {qualified(table)});
    if (!moved.rows.empty())
        findings.push_back({Severity::warning, where,
                            "a column before " + quote_identifier(moved.text(0, 0)) +
                                " was dropped, so the fields of records that still have it go to "
                                "the columns behind their own",
                            "list the columns in " + section + " by the numbers of their fields"});
    return findings;
}

/// What whole tables that are locked mean for those who load.
std::vector<Finding> check_table_locks(Session& session) {
    if (!is_mpp(session.family())) return {};
    const Cell detector =
        session.exec("SELECT current_setting('gp_enable_global_deadlock_detector', true)")
            .rows[0][0];
    if (detector != "off") return {};
    return {{Severity::hint, "[cloudberry]",
             "gp_enable_global_deadlock_detector is off, so an UPDATE or DELETE locks its whole "
             "table: lanes that change rows take turns, and what others change in a target waits "
             "for the batches under way; lanes that only add rows do not wait for each other",
             "where rows are changed, switch it on, or lanes = 1"}};
}

bool maps(const config::Ingest& ingest, config::Source::Kind kind) {
    return std::any_of(ingest.columns.begin(), ingest.columns.end(),
                       [&](const config::ColumnMapping& m) { return m.source.kind == kind; });
}

}  // namespace

std::vector<Finding> undrawable(Session& session, const std::string& where,
                                const TableTraits& traits) {
    std::vector<Finding> findings;
    for (const auto& [column, sequence] : traits.sequences_without_usage) {
        findings.push_back({Severity::error, where,
                            "column " + quote_identifier(column) +
                                " is not mapped, so its default draws a number from sequence " +
                                sequence + ", which this role may not use",
                            "GRANT USAGE ON SEQUENCE " + sequence + " TO " + role_of(session)});
    }
    return findings;
}

std::vector<Finding> uninsertable(Session& session, const std::string& where, const Table& table,
                                  const TableTraits& traits) {
    if (traits.columns_without_insert.empty()) return {};
    return {{Severity::error, where,
             "this role may not insert into " + identifier_list(traits.columns_without_insert),
             "GRANT INSERT ON " + qualified(table) + " TO " + role_of(session)}};
}

std::vector<Finding> check_own_tables(Session& session, const std::string& schema) {
    std::vector<Finding> findings;
    const std::string name = quote_identifier(schema);
    const std::string where = "schema " + name;
    if (const std::string why = complaint_of_encoding(session); !why.empty())
        findings.push_back({Severity::error, "[cloudberry]", why});
    if (session.exec("SELECT pg_is_in_recovery()").text(0, 0) == "t") {
        findings.push_back({Severity::error, "[cloudberry]",
                            "the server is a standby, which takes no rows",
                            "let cloudberry.dsn name the primary"});
    }
    if (!has_own_table(session, schema)) {
        const auto asked = session.exec(
            "SELECT there, CASE WHEN there THEN has_schema_privilege($1, 'CREATE')"
            " ELSE has_database_privilege(current_database(), 'CREATE') END FROM"
            " (SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)) AS s (there)",
            {schema});
        const std::string to_own = asked.text(0, 0) == "t"
                                       ? "ALTER SCHEMA " + name + " OWNER TO "
                                       : "CREATE SCHEMA " + name + " AUTHORIZATION ";
        if (asked.text(0, 1) == "t")
            findings.push_back({Severity::hint, where, "sluice's tables are missing",
                                "the daemon creates them when it starts"});
        else
            findings.push_back({Severity::error, where,
                                "sluice's tables are missing and this role may not create them",
                                "let an owner run " + to_own + role_of(session) +
                                    "; or sluice schema | psql, and grant what is then missing"});
        return findings;
    }
    std::vector<Finding> missing = lacking(session, where, needs(schema));
    const bool readable = lacking(session, where, {{schema, "schema_version", "SELECT"}}).empty();
    const int version = readable ? installed_schema_version(session, schema) : schema_version;
    if (version > schema_version) {
        findings.push_back({Severity::error, "[cloudberry]", newer_than_program(schema, version)});
        return findings;
    }
    if (version < schema_version) {
        const bool owns = session
                              .exec(
                                  "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class"
                                  " WHERE oid = $1::regclass",
                                  {name + ".schema_version"})
                              .text(0, 0) == "t";
        findings.push_back({owns ? Severity::hint : Severity::error, where,
                            "its tables have version " + std::to_string(version) +
                                ", this program works with version " +
                                std::to_string(schema_version),
                            owns ? "the daemon upgrades them when it starts"
                                 : "let their owner run: sluice schema --apply"});
    }
    std::ranges::move(missing, std::back_inserter(findings));
    std::ranges::move(check_table_locks(session), std::back_inserter(findings));
    return findings;
}

std::vector<Finding> check_target(Session& session, const config::Ingest& ingest,
                                  const Table& table, const std::vector<std::string>& columns) {
    std::vector<Finding> findings;
    const Family family = session.family();
    const TableTraits traits = read_traits(session, table, family, columns);
    const std::string name = qualified(table);
    const std::string where = "ingest." + ingest.name + ": table " + name;
    const auto add = [&](Severity severity, const std::string& text, std::string remedy) {
        findings.push_back({severity, where, text, std::move(remedy)});
    };

    std::ranges::move(uninsertable(session, where, table, traits), std::back_inserter(findings));
    std::ranges::move(undrawable(session, where, traits), std::back_inserter(findings));
    if (traits.secured_by_row)
        add(Severity::error, "has row-level security, under which this role may not COPY",
            "let its owner load it, or ALTER ROLE " + role_of(session) + " BYPASSRLS");
    if (ingest.implies_columns())
        std::ranges::move(check_implied_columns(session, where, ingest, table),
                          std::back_inserter(findings));
    std::ranges::move(check_hidden(where, ingest), std::back_inserter(findings));
    if (table.append_optimized && traits.has_unique_index)
        add(Severity::warning,
            "append-optimized with a unique index: every row is checked at a cost",
            "drop the index; sluice loads each record once without it");
    if (!traits.foreign_keys.empty())
        add(Severity::warning,
            "foreign keys (" + identifier_list(traits.foreign_keys) +
                ") are not enforced by this database: rows that refer to nothing are loaded",
            "drop them if nobody reads them as a promise");
    if (!traits.deferred_constraints.empty())
        add(Severity::hint,
            "deferred constraints (" + identifier_list(traits.deferred_constraints) +
                ") are checked at COMMIT: one violation makes the batch be loaded twice",
            "make them INITIALLY IMMEDIATE if violations are frequent");
    if (!traits.row_triggers.empty())
        add(Severity::hint,
            "row triggers (" + identifier_list(traits.row_triggers) + ") make loading slower",
            "drop them if they are not needed");
    if (is_mpp(family) && traits.distribution.find("(") == std::string::npos &&
        traits.distribution.find("RANDOMLY") == std::string::npos)
        add(Severity::hint, "is replicated to every segment",
            "distribute a table that grows by a key or randomly");
    if (ingest.mode != config::Mode::append)
        std::ranges::move(check_changes(session, where, ingest, table),
                          std::back_inserter(findings));
    else if (!ingest.explode && (!maps(ingest, config::Source::Kind::partition) ||
                                 !maps(ingest, config::Source::Kind::offset)))
        add(Severity::hint,
            "no columns hold @partition and @offset: sluice verify can compare the ledger with "
            "itself only, not with the rows",
            "add two columns and map them to @partition and @offset");
    return findings;
}

}  // namespace sluice
