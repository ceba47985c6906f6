#include "sinks/outbox/outbox_check.h"

#include "sinks/catalogue/catalogue.h"
#include "sinks/outbox/outbox_store.h"
#include "sinks/schema/schema.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

using Severity = Finding::Severity;

std::vector<Need> needs_of(const Table& table) {
    return {{table.schema, table.name, "SELECT"}, {table.schema, table.name, "DELETE"}};
}

std::vector<Need> needs_of(const Table& table, const std::string& schema) {
    std::vector<Need> all = needs_of(table);
    constexpr std::pair<const char*, const char*> books[] = {
        {"outbox_relay", "SELECT"}, {"outbox_relay", "INSERT"},  {"outbox_table", "SELECT"},
        {"outbox_table", "INSERT"}, {"outbox_batch", "SELECT"},  {"outbox_batch", "INSERT"},
        {"outbox_batch", "DELETE"}, {"refused_event", "SELECT"}, {"refused_event", "INSERT"},
        {"refused_event", "DELETE"}};
    for (const auto& [name, privilege] : books) all.push_back({schema, name, privilege});
    return all;
}

bool yes(Session& session, const std::string& sql, const Row& parameters) {
    return session.exec(sql, parameters).rows.at(0).at(0) == "t";
}

/// An index that begins with the column; `unique`: one that is unique by it alone.
bool has_index(Session& session, const std::string& table, const std::string& column,
               const char* unique) {
    return yes(session,
               std::string("SELECT EXISTS (SELECT 1 FROM pg_index i JOIN pg_attribute a ON"
                           " a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE i.indrelid ="
                           " $1::regclass AND a.attname = $2") +
                   unique + ")",
               {table, column});
}

/// Whether the sequence that the column owns, or that its default draws from, is so, by what
/// pg_sequence says.
bool sequence_is(Session& session, const std::string& table, const std::string& column,
                 const char* so) {
    constexpr int with_catalogue_of_sequences = 100000;
    return session.server_version() >= with_catalogue_of_sequences &&
           yes(session,
               std::string("SELECT EXISTS (SELECT 1 FROM pg_sequence WHERE ") + so +
                   " AND (seqrelid = pg_get_serial_sequence($1, $2)::regclass OR seqrelid IN"
                   " (SELECT p.refobjid FROM pg_attrdef d JOIN pg_attribute a ON"
                   " a.attrelid = d.adrelid AND a.attnum = d.adnum JOIN pg_depend p ON"
                   " p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid"
                   " AND p.refclassid = 'pg_class'::regclass"
                   " WHERE d.adrelid = $1::regclass AND a.attname = $2)))",
               {table, column});
}

}  // namespace

std::vector<Finding> check_outbox(Session& session, const config::Outbox& outbox,
                                  const std::string& schema) {
    const Table table = read_table(session, outbox.table);
    const std::string name = qualified(table);
    const std::string pipeline = "outbox." + outbox.name;
    const std::string where = pipeline + ": table " + name;
    // Missing as a whole, they are check_own_tables()'s to tell.
    const bool installed = has_own_table(session, schema);
    std::vector<Finding> findings =
        lacking(session, pipeline, installed ? needs_of(table, schema) : needs_of(table));
    if (lacking(session, pipeline, {{schema, "outbox_table", "SELECT"}}).empty()) {
        const auto relay = relay_of_table(session, schema, name);
        if (relay && *relay != outbox.name) {
            findings.push_back(
                {Severity::error, pipeline, complaint_of_table(schema, name, *relay)});
        }
    }
    const std::string& id = outbox.columns.id;
    if (!has_index(session, name, id, "")) {
        findings.push_back({Severity::warning, where,
                            "no index begins with " + quote_identifier(id) +
                                ": each step of the purge reads the whole table",
                            "CREATE UNIQUE INDEX ON " + name + " (" + quote_identifier(id) + ")"});
    } else if (!has_index(session, name, id, " AND i.indisunique AND i.indnatts = 1")) {
        findings.push_back({Severity::hint, where,
                            "nothing says that " + quote_identifier(id) +
                                " is unique: of two rows with one id the second is not sent",
                            "make it the primary key"});
    }
    if (sequence_is(session, name, id, "seqcycle")) {
        findings.push_back({Severity::warning, where,
                            "the sequence of " + quote_identifier(id) +
                                " cycles: an id that comes again while its row is still there is "
                                "taken for that row",
                            "ALTER SEQUENCE … NO CYCLE, and bigint"});
    }
    if ((outbox.order.empty() || outbox.order == id) &&
        sequence_is(session, name, id, "seqcache > 1")) {
        findings.push_back({Severity::warning, where,
                            "the sequence of " + quote_identifier(id) +
                                " has a cache: rows that are read together are sorted by numbers "
                                "that sessions drew ahead, not by who came first",
                            "ALTER SEQUENCE … CACHE 1, or set order to a column that says it"});
    }
    const auto column = std::ranges::find(table.columns, id, &Column::name);
    if (outbox.order.empty() && column != table.columns.end() && column->type == ColumnType::uuid) {
        findings.push_back({Severity::hint, where,
                            "rows that are read together are sorted by " + quote_identifier(id) +
                                ", whose UUIDs may be random",
                            "set order to a column that says which row came first"});
    }
    return findings;
}

std::vector<Finding> check_one_outbox_per_table(Session& session, const config::Outbox& outbox,
                                                const std::vector<config::Outbox>& all) {
    std::vector<Finding> findings;
    for (const config::Outbox& other : all) {
        if (other.name == outbox.name || !yes(session, "SELECT to_regclass($1) = to_regclass($2)",
                                              {outbox.table, other.table})) {
            continue;
        }
        findings.push_back({Severity::error, "outbox." + outbox.name,
                            "table " + outbox.table + " is also that of outbox." + other.name +
                                ": each would delete what the other has not sent",
                            "give each its own table, or one pipeline a topic per row"});
    }
    return findings;
}

}  // namespace sluice
