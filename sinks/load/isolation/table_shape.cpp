#include "sinks/load/isolation/table_shape.h"

#include "sinks/session/server_family.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <set>
#include <utility>

namespace sluice {
namespace {

using Kind = TableConstraint::Kind;

/// Since this version tables are partitioned by a declaration.
constexpr int oldest_with_partitions = 100000;

// Each query is about constraints of one kind, a row for each column: constraint, what it says,
// column, the one that is referred to, position of these, whether it is volatile. A NULL for a
// column says that no query about rows can tell.

constexpr const char* parts =
    "WITH RECURSIVE parts AS (SELECT $1::regclass::oid AS oid UNION ALL SELECT i.inhrelid"
    " FROM pg_inherits i JOIN parts p ON i.inhparent = p.oid) ";

/// A trigger may change a row before its constraints are checked; and a view has none of its own.
constexpr const char* takes_rows_as_they_are =
    "(SELECT relkind IN ('r', 'p') FROM pg_class WHERE oid = $1::regclass)"
    // tgtype: 1 is FOR EACH ROW, 4 is INSERT, 2 is BEFORE, 64 is INSTEAD OF.
    " AND NOT EXISTS (SELECT 1 FROM parts JOIN pg_trigger t ON t.tgrelid = parts.oid"
    " WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 5 = 5 AND t.tgtype & 66 <> 0)";

/// That a partition takes the row is a CHECK of the table as a whole, which has no name. Of a table
/// with very many partitions it would cost more than it saves, and a key may be an expression.
constexpr const char* taken_by_a_partition =
    "SELECT '', leaves.take, CASE WHEN leaves.count <= 500 THEN part_keys.attname END, '', 0, false"
    " FROM (SELECT count(*) AS count, coalesce(string_agg(coalesce("
    "pg_get_partition_constraintdef(c.oid), 'true'), ' OR ' ORDER BY c.oid), 'false') AS take"
    " FROM parts JOIN pg_class c ON c.oid = parts.oid AND c.relkind <> 'p') leaves CROSS JOIN"
    " (SELECT DISTINCT a.attname FROM parts JOIN pg_partitioned_table p ON p.partrelid = parts.oid"
    " CROSS JOIN LATERAL unnest(p.partattrs::int2[]) k (number)"
    " LEFT JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = k.number) part_keys";

/// Of pg_constraint c. There are others since PostgreSQL 18, which has the column for it.
constexpr const char* is_enforced = " AND coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true)";

/// A CHECK about system columns, or the row as a whole, comes with a NULL among its columns. The
/// functions that it calls are those that its tree names, those of operators included.
std::string checks() {
    return std::string(
               "SELECT c.conname, pg_get_expr(c.conbin, c.conrelid), a.attname, '', k.position,"
               " EXISTS (SELECT 1 FROM regexp_matches(c.conbin::text, 'funcid ([0-9]+)', 'g') f"
               " JOIN pg_proc p ON p.oid = f[1]::oid WHERE p.provolatile = 'v')"
               " FROM pg_constraint c CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY"
               " k(number, position) LEFT JOIN pg_attribute a ON a.attrelid = c.conrelid"
               " AND a.attnum = k.number AND a.attnum > 0"
               " WHERE c.conrelid = $1::regclass AND c.contype = 'c'") +
           is_enforced;
}

/// Keys that compare as = does, and that may be read.
std::string unique_keys(int server_version) {
    std::string also;
    if (server_version >= 110000) also += " AND k.position <= x.indnkeyatts";
    if (server_version >= 150000) also += " AND NOT x.indnullsnotdistinct";
    return "SELECT i.relname, '', CASE WHEN o.opcdefault"
           " AND x.indcollation[k.position - 1] = a.attcollation"
           " AND has_column_privilege(x.indrelid, a.attnum, 'SELECT') THEN a.attname END, '',"
           " k.position, false"
           " FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid"
           " CROSS JOIN LATERAL unnest(x.indkey::int2[]) WITH ORDINALITY k(number, position)"
           " JOIN pg_opclass o ON o.oid = x.indclass[k.position - 1]"
           " LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.number"
           " WHERE x.indrelid = $1::regclass AND x.indisunique AND x.indexprs IS NULL"
           " AND x.indpred IS NULL" +
           also;
}

/// References that an = of one type tells, to other tables that may be read in full, and that no
/// trigger has a chance to put right first.
std::string references() {
    return std::string(
               "SELECT c.conname, CASE f.relkind WHEN 'r' THEN 'ONLY ' ELSE '' END"
               " || quote_ident(n.nspname) || '.' || quote_ident(f.relname),"
               " CASE WHEN c.confmatchtype = 's' AND f.oid <> c.conrelid"
               " AND own.relkind = 'r' AND NOT f.relrowsecurity AND o.oprname = '='"
               " AND a.atttypid = r.atttypid AND a.attcollation = r.attcollation"
               " AND has_schema_privilege(n.oid, 'USAGE')"
               " AND has_column_privilege(f.oid, r.attnum, 'SELECT')"
               // tgtype: 4 is INSERT.
               " AND NOT EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.conrelid"
               " AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 4 <> 0)"
               " THEN a.attname END, r.attname, k.position, false"
               " FROM pg_constraint c JOIN pg_class own ON own.oid = c.conrelid"
               " JOIN pg_class f ON f.oid = c.confrelid JOIN pg_namespace n ON n.oid ="
               " f.relnamespace CROSS JOIN LATERAL unnest(c.conkey, c.confkey, c.conpfeqop)"
               " WITH ORDINALITY k(number, key, equal, position)"
               " JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number"
               " JOIN pg_attribute r ON r.attrelid = c.confrelid AND r.attnum = k.key"
               " JOIN pg_operator o ON o.oid = k.equal"
               " WHERE c.conrelid = $1::regclass AND c.contype = 'f'") +
           is_enforced;
}

/// All that a server of this kind has, by kind and name, in one statement.
std::string constraints_on(Session& session) {
    std::string all;
    const auto add = [&](Kind kind, const std::string& query) {
        all += (all.empty() ? "" : " UNION ALL ") + std::string("SELECT ") +
               std::to_string(static_cast<int>(kind)) + ", q.* FROM (" + query + ") q";
    };
    if (session.server_version() >= oldest_with_partitions) add(Kind::check, taken_by_a_partition);
    add(Kind::check, checks());
    add(Kind::unique, unique_keys(session.server_version()));
    // There they are taken and not enforced.
    if (!is_mpp(session.family())) add(Kind::reference, references());
    return parts +
           std::string(
               "SELECT *, (SELECT quote_ident(relname) FROM pg_class WHERE oid ="
               " $1::regclass) FROM (") +
           all + ") c (kind, name, text, attribute, key, position, is_volatile) WHERE " +
           takes_rows_as_they_are + " ORDER BY kind, name, position, attribute";
}

std::string complaint(const std::string& relation, const std::string& check) {
    return check.empty() ? "no partition of relation " + relation + " found for row"
                         : "new row for relation " + relation + " violates check constraint " +
                               quote_identifier(check);
}

std::vector<TableConstraint> read_constraints(Session& session, const std::string& table,
                                              const std::vector<std::string>& columns) {
    std::vector<TableConstraint> all;
    std::set<std::pair<Kind, std::string>> unfit;
    const Rows rows = session.exec_prepared("constraints", constraints_on(session), {table});
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        const auto kind = static_cast<Kind>(rows.number(row, 0));
        const std::string& name = rows.text(row, 1);
        const Cell& column = rows.rows[row][3];
        if (all.empty() || all.back().kind != kind || all.back().name != name)
            all.push_back({.kind = kind,
                           .name = name,
                           .text = rows.text(row, 2),
                           .columns = {},
                           .keys = {},
                           .is_volatile = rows.text(row, 6) == "t",
                           .complaint = complaint(rows.text(row, 7), name)});
        // What is not in the rows gets a value that nobody knows yet.
        if (!column || std::ranges::find(columns, *column) == columns.end()) {
            unfit.emplace(kind, name);
            continue;
        }
        all.back().columns.push_back(*column);
        all.back().keys.push_back(rows.text(row, 4));
    }
    std::erase_if(all, [&](const TableConstraint& constraint) {
        return unfit.contains({constraint.kind, constraint.name});
    });
    return all;
}

}  // namespace

TableShape read_shape(Session& session, const std::string& table,
                      const std::vector<std::string>& columns, Triggers triggers) {
    return {.constraints = read_constraints(session, table, columns),
            .types = sql_types(session, table, columns),
            .triggers = triggers == Triggers::read ? read_row_triggers(session, table, columns)
                                                   : std::nullopt};
}

}  // namespace sluice
