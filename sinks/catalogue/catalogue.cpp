#include "sinks/catalogue/catalogue.h"

#include "pipeline/errors.h"
#include "sinks/catalogue/finding.h"
#include "sinks/catalogue/keys.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <array>
#include <map>

namespace sluice {
namespace {

/// Types by their oid, which is fixed for those that are built in.
ColumnType type_of(std::int64_t oid, std::string_view kind, bool is_array) {
    static const std::map<std::int64_t, ColumnType> types = {
        {16, ColumnType::boolean},     {17, ColumnType::bytea},         {19, ColumnType::text},
        {20, ColumnType::int8},        {21, ColumnType::int2},          {23, ColumnType::int4},
        {25, ColumnType::text},        {114, ColumnType::json},         {700, ColumnType::float4},
        {701, ColumnType::float8},     {869, ColumnType::inet},         {1042, ColumnType::bpchar},
        {1043, ColumnType::varchar},   {1082, ColumnType::date},        {1083, ColumnType::time},
        {1114, ColumnType::timestamp}, {1184, ColumnType::timestamptz}, {1700, ColumnType::numeric},
        {2950, ColumnType::uuid},      {3802, ColumnType::jsonb}};
    // A domain's checks, and what it rejects, are the database's to judge: sent as text.
    if (kind == "d") return ColumnType::other;
    if (kind == "e") return ColumnType::enumeration;
    if (is_array) return ColumnType::array;
    const auto found = types.find(oid);
    return found == types.end() ? ColumnType::other : found->second;
}

/// The regclass's oid, or an empty answer: to_regclass() raises for bad syntax only.
std::string find_table(Session& session, const std::string& name) {
    try {
        const Rows rows = session.exec("SELECT to_regclass($1)::oid", {name});
        if (rows.rows[0][0]) return rows.text(0, 0);
    } catch (const DatabaseError& error) {
        // 9.6 has to_regclass(cstring), newer ones (text); both raise 42602 for a malformed name.
        if (error.sqlstate() == "42501")
            throw WrongConfiguration("table " + name + ": " + error.details().message +
                                     "; grant USAGE on it to " + role_of(session));
        if (error.sqlstate() != "42602" && error.sqlstate() != "42601") throw;
        throw WrongConfiguration("table " + name + ": " + error.what());
    }
    const Rows path = session.exec("SELECT current_setting('search_path'), current_database()");
    throw WrongConfiguration(
        "table " + name + ": not found in database " + quote_identifier(path.text(0, 1)) +
        " (search_path " + path.text(0, 0) +
        "); create it, write it as schema.table, or grant USAGE on its schema");
}

/// What commits apart from progress, or is emptied by a crash, loses or doubles rows: the table, or
/// one of its partitions.
void refuse_unsafe(Session& session, const std::string& oid, const std::string& name) {
    const std::string external = has_relstorage(session) ? "c.relstorage IN ('x', 'f')" : "false";
    const Rows rows = session.exec(
        "WITH RECURSIVE parts AS (SELECT $1::oid AS oid UNION ALL SELECT i.inhrelid"
        " FROM pg_inherits i JOIN parts p ON i.inhparent = p.oid)"
        " SELECT c.relname, c.oid = $1::oid, c.relkind = 'f' OR " +
            external +
            " FROM parts JOIN pg_class c ON c.oid = parts.oid WHERE c.relkind IN ('r', 'p', 'f')"
            " AND (c.relkind = 'f' OR " +
            external + " OR c.relpersistence <> 'p') ORDER BY 2 DESC, 1 LIMIT 1",
        {oid});
    if (rows.rows.empty()) return;
    const std::string which =
        rows.text(0, 1) == "t" ? "" : "its partition " + quote_identifier(rows.text(0, 0)) + ": ";
    throw WrongConfiguration(
        "table " + name + ": " + which +
        (rows.text(0, 2) == "t"
             ? "a foreign or external table commits apart from progress, so rows could double; "
               "load into an ordinary table"
             : "a temporary or unlogged table is emptied by a crash while progress stays; ALTER "
               "TABLE … SET LOGGED, or use another"));
}

/// Of a view: whether it has a trigger FOR EACH ROW (1), on INSERT (4), INSTEAD OF it (64).
bool takes_rows(Session& session, const std::string& oid) {
    return session
               .exec(
                   "SELECT EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = $1::oid"
                   " AND tgtype & 69 = 69 AND tgenabled <> 'D')",
                   {oid})
               .text(0, 0) == "t";
}

}  // namespace

Table read_table(Session& session, const std::string& name) {
    const std::string oid = find_table(session, name);
    const Rows about = session.exec(
        "SELECT n.nspname, c.relname, c.relkind, current_setting('TimeZone')"
        " FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::oid",
        {oid});
    if (about.rows.empty()) throw WrongConfiguration("table " + name + ": it was dropped just now");
    const std::string& kind = about.text(0, 2);
    if (kind != "r" && kind != "p" && kind != "v" && kind != "f")
        throw WrongConfiguration("table " + name + ": not a table that rows can be copied into");
    if (kind == "v" && !takes_rows(session, oid))
        throw WrongConfiguration("table " + name +
                                 ": a view takes no rows by COPY; load into the table behind it, "
                                 "or give it an INSTEAD OF INSERT trigger");
    refuse_unsafe(session, oid, name);

    Table table;
    table.schema = about.text(0, 0);
    table.name = about.text(0, 1);
    table.session_is_utc = is_utc(about.text(0, 3));

    const int version = session.server_version();
    std::string generated = "false";
    std::string has_default = "a.atthasdef";
    if (version >= 100000) {
        generated = "a.attidentity = 'a'";
        has_default += " OR a.attidentity = 'd'";  // GENERATED BY DEFAULT: has no atthasdef
    }
    if (version >= 120000) generated += " OR a.attgenerated <> ''";
    const Rows columns = session.exec(
        "SELECT a.attname, a.atttypid::bigint, t.typtype, t.typlen = -1 AND t.typelem <> 0"
        " AND t.typcategory = 'A', format_type(a.atttypid, a.atttypmod), a.atttypmod,"
        " a.attnotnull, " +
            has_default + ", " + generated +
            " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
            " WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped"
            " ORDER BY a.attnum",
        {oid});
    for (std::size_t row = 0; row < columns.rows.size(); ++row) {
        Column& column = table.columns.emplace_back();
        column.name = columns.text(row, 0);
        column.type =
            type_of(columns.number(row, 1), columns.text(row, 2), columns.text(row, 3) == "t");
        column.type_name = columns.text(row, 4);
        column.typmod = static_cast<std::int32_t>(columns.number(row, 5));
        column.not_null = columns.text(row, 6) == "t";
        column.generated = columns.text(row, 8) == "t";
        column.has_default = columns.text(row, 7) == "t" && !column.generated;
    }
    read_keys(session, oid, table);
    return table;
}

bool is_utc(std::string_view time_zone) {
    constexpr std::array utc = {"UTC",      "Etc/UTC", "GMT",     "Etc/GMT",   "Zulu",
                                "Etc/Zulu", "UCT",     "Etc/UCT", "Universal", "Etc/Universal"};
    return std::ranges::find(utc, time_zone) != utc.end();
}

std::string qualified(const Table& table) {
    return quote_identifier(table.schema) + "." + quote_identifier(table.name);
}

namespace {

/// Of a serial, or any default that calls nextval(); an identity column's needs no right.
std::vector<TableTraits::Drawn> sequences_without_usage(Session& session, const std::string& table,
                                                        const std::vector<std::string>& filled) {
    const Rows rows = session.exec(
        "SELECT a.attname, s.oid::regclass::text FROM pg_attrdef d"
        " JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum"
        " JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid"
        " AND p.refclassid = 'pg_class'::regclass"
        " JOIN pg_class s ON s.oid = p.refobjid"
        // No AND: the server may ask for the privilege first, and there is none on a table.
        " WHERE d.adrelid = $1::regclass AND CASE WHEN s.relkind = 'S' THEN NOT"
        " (has_sequence_privilege(s.oid, 'USAGE') OR has_sequence_privilege(s.oid, 'UPDATE')) END"
        " ORDER BY a.attnum",
        {table});
    std::vector<TableTraits::Drawn> sequences;
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        if (std::ranges::find(filled, rows.text(row, 0)) == filled.end()) {
            sequences.push_back({rows.text(row, 0), rows.text(row, 1)});
        }
    }
    return sequences;
}

}  // namespace

TableTraits read_traits(Session& session, const Table& table, Family family,
                        const std::vector<std::string>& columns) {
    const std::string name = qualified(table);
    const auto list = [&](const std::string& sql) {
        std::vector<std::string> texts;
        for (const Row& row : session.exec(sql, {name}).rows) texts.push_back(row[0].value());
        return texts;
    };
    TableTraits traits;
    // Asked by number: the privilege functions fold and parse names.
    for (const std::string& column : list("SELECT a.attname FROM pg_attribute a"
                                          " WHERE a.attrelid = $1::regclass AND a.attnum > 0"
                                          " AND NOT a.attisdropped"
                                          " AND NOT has_column_privilege(a.attrelid, a.attnum,"
                                          " 'INSERT')"))
        if (std::find(columns.begin(), columns.end(), column) != columns.end())
            traits.columns_without_insert.push_back(column);
    traits.sequences_without_usage = sequences_without_usage(session, name, columns);
    traits.secured_by_row =
        session.exec("SELECT row_security_active($1::regclass)", {name}).text(0, 0) == "t";
    traits.has_unique_index = !list(
                                   "SELECT i.indexrelid::text FROM pg_index i"
                                   " WHERE i.indrelid = $1::regclass AND i.indisunique")
                                   .empty();
    traits.deferred_constraints = list(
        "SELECT c.conname FROM pg_constraint c WHERE c.conrelid = $1::regclass AND c.condeferred"
        " ORDER BY 1");
    // tgtype: 1 is FOR EACH ROW, 4 is INSERT.
    traits.row_triggers = list(
        "SELECT t.tgname FROM pg_trigger t WHERE t.tgrelid = $1::regclass AND NOT t.tgisinternal"
        " AND t.tgtype & 5 = 5 AND t.tgenabled <> 'D' ORDER BY 1");
    if (!is_mpp(family)) return traits;

    traits.distribution = list("SELECT pg_get_table_distributedby($1::regclass::oid)").front();
    return traits;
}

}  // namespace sluice
