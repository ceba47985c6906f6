#include "sinks/catalogue/check.h"

#include "sinks/books/schema.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/session/sql_text.h"

#include <algorithm>

namespace sluice {
namespace {

using Severity = Finding::Severity;

struct Need {
    const char* table;
    const char* privilege;
};

// DELETE on the ledger is for pruning it.
constexpr Need needs[] = {{"progress", "SELECT"},    {"progress", "INSERT"},
                          {"progress", "UPDATE"},    {"ledger", "SELECT"},
                          {"ledger", "INSERT"},      {"ledger", "DELETE"},
                          {"dead_letter", "INSERT"}, {"schema_version", "SELECT"}};

bool maps(const config::Ingest& ingest, config::Source::Kind kind) {
    return std::any_of(ingest.columns.begin(), ingest.columns.end(),
                       [&](const config::ColumnMapping& m) { return m.source.kind == kind; });
}

}  // namespace

Finding may_not_draw_from(const std::string& sequence, const std::string& where) {
    return {Severity::error, where + "this role may not draw numbers from sequence " + sequence,
            "GRANT USAGE ON SEQUENCE " + sequence + " TO …"};
}

std::vector<Finding> check_own_tables(Session& session, const std::string& schema) {
    std::vector<Finding> findings;
    const std::string name = quote_identifier(schema);
    if (const std::string why = complaint_of_encoding(session); !why.empty())
        findings.push_back({Severity::error, why, ""});

    const int version = installed_schema_version(session, schema);
    if (version == 0) {
        const bool may_create =
            session
                .exec(
                    "SELECT CASE WHEN EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)"
                    " THEN has_schema_privilege($1, 'CREATE')"
                    " ELSE has_database_privilege(current_database(), 'CREATE') END",
                    {schema})
                .text(0, 0) == "t";
        if (may_create)
            findings.push_back({Severity::hint, "schema " + name + ": sluice's tables are missing",
                                "the daemon creates them when it starts"});
        else
            findings.push_back({Severity::error,
                                "schema " + name +
                                    ": sluice's tables are missing and this role may not create "
                                    "them",
                                "let an owner run: sluice schema | psql"});
        return findings;
    }
    if (version != schema_version)
        findings.push_back({Severity::error,
                            "schema " + name + ": its tables have version " +
                                std::to_string(version) + ", this program works with version " +
                                std::to_string(schema_version),
                            "run the sluice of that version, or upgrade the tables"});
    for (const Need& need : needs) {
        const std::string table = name + "." + need.table;
        const Rows rows = session.exec(
            "SELECT to_regclass($1::text) IS NOT NULL AND has_table_privilege("
            "to_regclass($1::text)::oid, $2)",
            {table, need.privilege});
        if (rows.rows[0][0] == "t") continue;
        findings.push_back({Severity::error,
                            "table " + table + ": this role lacks " + need.privilege,
                            std::string("GRANT ") + need.privilege + " ON " + table + " TO …"});
    }
    return findings;
}

std::vector<Finding> check_target(Session& session, const config::Ingest& ingest,
                                  const Table& table, const std::vector<std::string>& columns) {
    std::vector<Finding> findings;
    const Family family = family_of(session);
    const TableTraits traits = read_traits(session, table, family, columns);
    const std::string name = qualified(table);
    const std::string where = "ingest." + ingest.name + ": table " + name + ": ";
    const auto add = [&](Severity severity, const std::string& text, std::string remedy) {
        findings.push_back({severity, where + text, std::move(remedy)});
    };

    if (!traits.columns_without_insert.empty())
        add(Severity::error,
            "this role may not insert into " + identifier_list(traits.columns_without_insert),
            "GRANT INSERT ON " + name + " TO …");
    for (const std::string& sequence : traits.sequences_without_usage)
        findings.push_back(may_not_draw_from(sequence, where));
    for (const Column& column : table.columns) {
        const bool mapped = std::find(columns.begin(), columns.end(), column.name) != columns.end();
        if (ingest.columns.empty() && mapped && column.has_default)
            add(Severity::hint,
                "column " + quote_identifier(column.name) +
                    " has a default, but is filled from the record: a record without it loads NULL",
                "list the columns in [ingest." + ingest.name + ".columns] without it");
    }
    if (traits.append_optimized && traits.has_unique_index)
        add(Severity::warning,
            "append-optimized with a unique index: every row is checked at a cost",
            "drop the index; sluice loads each record once without it");
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
    if (!maps(ingest, config::Source::Kind::partition) ||
        !maps(ingest, config::Source::Kind::offset))
        add(Severity::hint,
            "no columns hold @partition and @offset: sluice verify can compare the ledger with "
            "itself only, not with the rows",
            "add two columns and map them to @partition and @offset");
    return findings;
}

}  // namespace sluice
