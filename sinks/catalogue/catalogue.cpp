#include "sinks/catalogue/catalogue.h"

#include "pipeline/errors.h"
#include "pipeline/mapping/target.h"
#include "sinks/catalogue/finding.h"
#include "sinks/catalogue/keys.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

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

/// What can be said of tables by one look at all of them, by their oids.
struct Look {
    Table table;
    std::string unfit;  ///< why it cannot be loaded into; empty: it can
};
using Looks = std::map<std::string, Look>;

/// As an array of oids.
std::string oids_of(const Looks& looks) {
    std::vector<std::string> oids;
    for (const auto& [oid, look] : looks) oids.push_back(oid);
    return array_literal(oids);
}

/// What commits apart from progress, or is emptied by a crash, loses or doubles rows: the table, or
/// one of its partitions.
void note_unsafe(Session& session, Looks& looks) {
    const std::string external = has_relstorage(session) ? "c.relstorage IN ('x', 'f')" : "false";
    const Rows rows = session.exec(
        "WITH RECURSIVE parts (root, oid) AS (SELECT oid, oid FROM pg_class"
        " WHERE oid = ANY($1::oid[]) UNION ALL SELECT p.root, i.inhrelid"
        " FROM pg_inherits i JOIN parts p ON i.inhparent = p.oid)"
        " SELECT parts.root, c.relname, c.oid = parts.root, c.relkind = 'f' OR " +
            external +
            " FROM parts JOIN pg_class c ON c.oid = parts.oid WHERE c.relkind IN ('r', 'p', 'f')"
            " AND (c.relkind = 'f' OR " +
            external + " OR c.relpersistence <> 'p') ORDER BY 1, 3 DESC, 2",
        {oids_of(looks)});
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        Look& look = looks[rows.text(row, 0)];
        if (!look.unfit.empty()) continue;
        look.unfit =
            (rows.text(row, 2) == "t"
                 ? ""
                 : "its partition " + quote_identifier(rows.text(row, 1)) + ": ") +
            (rows.text(row, 3) == "t"
                 ? "a foreign or external table commits apart from progress, so rows could double; "
                   "load into an ordinary table"
                 : "a temporary or unlogged table is emptied by a crash while progress stays; "
                   "ALTER TABLE … SET LOGGED, or use another");
    }
}

/// Of a view: it needs a trigger FOR EACH ROW (1), on INSERT (4), INSTEAD OF it (64).
void note_views(Session& session, Looks& looks, std::set<std::string> views) {
    if (views.empty()) return;
    const Rows taking = session.exec(
        "SELECT DISTINCT tgrelid FROM pg_trigger WHERE tgrelid = ANY($1::oid[])"
        " AND tgtype & 69 = 69 AND tgenabled <> 'D'",
        {oids_of(looks)});
    for (std::size_t row = 0; row < taking.rows.size(); ++row) views.erase(taking.text(row, 0));
    for (const std::string& view : views)
        looks[view].unfit =
            "a view takes no rows by COPY; load into the table behind it, or give it an INSTEAD OF "
            "INSERT trigger";
}

/// By the tables' oids, of which `oids` is an array.
std::map<std::string, std::vector<Column>> read_columns(Session& session, const std::string& oids) {
    std::map<std::string, std::vector<Column>> all;
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
            has_default + ", " + generated + ", " + own_collation +
            ", a.attrelid FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
            " WHERE a.attrelid = ANY($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped"
            " ORDER BY a.attrelid, a.attnum",
        {oids});
    for (std::size_t row = 0; row < columns.rows.size(); ++row) {
        Column& column = all[columns.text(row, 10)].emplace_back();
        column.name = columns.text(row, 0);
        column.type =
            type_of(columns.number(row, 1), columns.text(row, 2), columns.text(row, 3) == "t");
        column.type_name = columns.text(row, 4);
        column.typmod = static_cast<std::int32_t>(columns.number(row, 5));
        column.not_null = columns.text(row, 6) == "t";
        column.generated = columns.text(row, 8) == "t";
        column.has_default = columns.text(row, 7) == "t" && !column.generated;
        column.collation = columns.rows[row][9].value_or("");
    }
    return all;
}

/// Those of them that are gone are left out.
Looks look_at(Session& session, const std::vector<std::string>& oids) {
    Looks looks;
    std::set<std::string> views;
    const Rows about = session.exec(
        "SELECT c.oid, n.nspname, c.relname, c.relkind, current_setting('TimeZone')"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.oid = ANY($1::oid[])",
        {array_literal(oids)});
    for (std::size_t row = 0; row < about.rows.size(); ++row) {
        Look& look = looks[about.text(row, 0)];
        look.table.schema = about.text(row, 1);
        look.table.name = about.text(row, 2);
        look.table.session_is_utc = is_utc(about.text(row, 4));
        const std::string& kind = about.text(row, 3);
        if (kind == "v") views.insert(about.text(row, 0));
        if (kind != "r" && kind != "p" && kind != "v" && kind != "f")
            look.unfit = "not a table that rows can be copied into";
    }
    if (looks.empty()) return looks;
    note_views(session, looks, std::move(views));
    note_unsafe(session, looks);
    std::map<std::string, Table*> tables;
    for (auto& [oid, columns] : read_columns(session, oids_of(looks)))
        looks[oid].table.columns = std::move(columns);
    for (auto& [oid, look] : looks) tables[oid] = &look.table;
    read_keys(session, oids_of(looks), tables);
    return looks;
}

/// As the database understands a type that somebody wrote, its modifiers included.
Column typed_field(Session& session, const std::string& name, const std::string& type,
                   const std::string& pipeline) {
    const Transaction undone(session);
    try {
        session.run("CREATE TEMPORARY VIEW sluice_field AS SELECT NULL::" + type + " AS " +
                    quote_identifier(name));
    } catch (const DatabaseError& error) {
        if (error.trouble() != Trouble::wrong && error.trouble() != Trouble::data) throw;
        throw WrongConfiguration(pipeline + ": field " + quote_identifier(name) + ": type = " +
                                 quote_identifier(type) + ": " + error.details().message);
    }
    const std::string oid = session.exec("SELECT 'pg_temp.sluice_field'::regclass::oid").text(0, 0);
    return read_columns(session, array_literal(std::vector{oid})).at(oid).front();
}

}  // namespace

Table read_table(Session& session, const std::string& name) {
    const std::string oid = find_table(session, name);
    Looks looks = look_at(session, {oid});
    if (looks.empty()) throw WrongConfiguration("table " + name + ": it was dropped just now");
    Look& look = looks.begin()->second;
    if (!look.unfit.empty()) throw WrongConfiguration("table " + name + ": " + look.unfit);
    return std::move(look.table);
}

TablesByName read_tables(Session& session, const std::vector<std::string>& names) {
    const Rows found = session.exec(
        "SELECT n, to_regclass(n)::oid FROM unnest($1::text[]) n WHERE to_regclass(n) IS NOT NULL",
        {array_literal(names)});
    std::vector<std::string> oids;
    for (std::size_t row = 0; row < found.rows.size(); ++row) oids.push_back(found.text(row, 1));
    const Looks looks = look_at(session, oids);
    TablesByName tables;
    for (std::size_t row = 0; row < found.rows.size(); ++row)
        if (const auto look = looks.find(oids[row]);
            look != looks.end() && look->second.unfit.empty())
            tables.emplace(found.text(row, 0), look->second.table);
    return tables;
}

Table read_target(Session& session, const config::Ingest& ingest, const TablesByName& known) {
    const auto found = known.find(ingest.table);
    Table table = found == known.end() ? read_table(session, ingest.table) : found->second;
    for (const config::SqlField& field : ingest.fields) {
        const std::string& name = field.mapping.column;
        const auto same = std::ranges::find(table.columns, name, &Column::name);
        if (!field.type.empty())
            table.fields.push_back(typed_field(session, name, field.type, "ingest." + ingest.name));
        else if (same != table.columns.end())
            table.fields.push_back(*same);
        else
            continue;  // the mapping says so, with whatever else does not fit
        table.fields.back().not_null = table.fields.back().generated = false;
    }
    return table;
}

namespace {

/// Folded apart, their changes would have no order.
void refuse_shared(const std::vector<Targets::Target>& targets, const config::Ingest& ingest,
                   const Table& table) {
    for (const Targets::Target& other : targets) {
        const bool is_same = other.table.schema == table.schema && other.table.name == table.name;
        const bool changes =
            ingest.mode != config::Mode::append || other.ingest.mode != config::Mode::append;
        if (is_same && changes)
            throw WrongConfiguration(shared_by(other.ingest.table, ingest.table));
    }
}

}  // namespace

std::string shared_by(const std::string& one, const std::string& other) {
    return "two targets are one table, " + one + " and " + other +
           ", and changes that reach it by two have no order; make one of them, or append rows in "
           "both";
}

std::vector<Targets::Target> read_targets(Session& session, const config::Ingest& ingest,
                                          const std::string& topic, const std::string& own_schema,
                                          const TablesByName& known) {
    std::vector<Targets::Target> targets;
    for (config::Ingest& one : targets_of_topic(ingest, topic, own_schema)) {
        Table table = read_target(session, one, known);
        std::optional<std::size_t> place;
        if (!ingest.into.empty()) place = targets.size();
        refuse_shared(targets, one, table);
        targets.push_back({std::move(one), std::move(table), place});
    }
    return targets;
}

bool is_utc(std::string_view time_zone) {
    constexpr std::array utc = {"UTC",      "Etc/UTC", "GMT",     "Etc/GMT",   "Zulu",
                                "Etc/Zulu", "UCT",     "Etc/UCT", "Universal", "Etc/Universal"};
    return std::ranges::find(utc, time_zone) != utc.end();
}

std::string qualified(const Table& table) {
    return quote_identifier(table.schema) + "." + quote_identifier(table.name);
}

std::map<std::string, std::string> types_behind_domains(Session& session, const Table& table) {
    const Rows rows = session.exec(
        "WITH RECURSIVE d AS (SELECT a.attname, t.typbasetype AS base, t.typtypmod AS typmod,"
        " t.typnotnull AS not_null FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
        " WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped"
        " AND t.typtype = 'd' UNION ALL"
        " SELECT d.attname, t.typbasetype, t.typtypmod, d.not_null OR t.typnotnull"
        " FROM d JOIN pg_type t ON t.oid = d.base WHERE t.typtype = 'd')"
        " SELECT d.attname, format_type(d.base, d.typmod) FROM d JOIN pg_type t ON t.oid = d.base"
        " WHERE t.typtype <> 'd' AND d.not_null",
        {qualified(table)});
    std::map<std::string, std::string> types;
    for (std::size_t row = 0; row < rows.rows.size(); ++row)
        types[rows.text(row, 0)] = rows.text(row, 1);
    return types;
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
    traits.foreign_keys = list(
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = $1::regclass"
        " ORDER BY 1");
    return traits;
}

}  // namespace sluice
