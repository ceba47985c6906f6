#include "sinks/catalogue/keys.h"

#include "sinks/books/schema.h"
#include "sinks/session/sql_text.h"

#include <algorithm>

namespace sluice {
namespace {

void read_indexes(Session& session, const std::string& oid, Table& table) {
    constexpr int has_included_columns = 110000;
    const std::string only_key =
        session.server_version() >= has_included_columns ? " AND k.place <= i.indnkeyatts" : "";
    const Rows rows = session.exec(
        "SELECT i.indisprimary, i.indisunique, i.indisvalid AND i.indimmediate"
        " AND i.indpred IS NULL AND i.indexprs IS NULL,"
        " ARRAY(SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY k (number, place)"
        " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number"
        " WHERE k.number > 0" +
            only_key +
            " ORDER BY k.place) FROM pg_index i WHERE i.indrelid = $1::oid AND i.indisready"
            " ORDER BY i.indisprimary DESC, i.indexrelid",
        {oid});
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        Index index{.columns = parse_array(rows.text(row, 3)),
                    .unique = rows.text(row, 1) == "t",
                    .plain = rows.text(row, 2) == "t"};
        if (rows.text(row, 0) == "t") table.primary_key = index.columns;
        table.indexes.push_back(std::move(index));
    }
}

bool is_append_optimized(Session& session, const std::string& oid) {
    if (!is_mpp(family_of(session))) return false;
    const std::string condition =
        has_relstorage(session)
            ? "c.relstorage IN ('a', 'c')"
            : "c.relam IN (SELECT oid FROM pg_am WHERE amname IN ('ao_row', 'ao_column'))";
    return !session.exec("SELECT 1 FROM pg_class c WHERE c.oid = $1::oid AND " + condition, {oid})
                .rows.empty();
}

}  // namespace

bool has_relstorage(Session& session) {
    return session
               .exec(
                   "SELECT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid ="
                   " 'pg_catalog.pg_class'::regclass AND attname = 'relstorage')")
               .text(0, 0) == "t";
}

void read_keys(Session& session, const std::string& oid, Table& table) {
    read_indexes(session, oid, table);
    table.append_optimized = is_append_optimized(session, oid);
    // ON DELETE CASCADE, SET NULL and SET DEFAULT.
    table.cascades = session
                         .exec(
                             "SELECT EXISTS (SELECT 1 FROM pg_constraint WHERE contype = 'f'"
                             " AND confrelid = $1::oid AND confdeltype IN ('c', 'n', 'd'))",
                             {oid})
                         .text(0, 0) == "t";
    constexpr int has_identities = 100000;
    const auto mark = [&](bool Column::*as, bool value, const std::string& sql) {
        for (const Row& row : session.exec(sql, {oid}).rows)
            for (Column& column : table.columns)
                if (*row[0] == column.name) column.*as = value;
    };
    if (session.server_version() >= has_identities)
        mark(&Column::identity, true,
             "SELECT attname FROM pg_attribute WHERE attrelid = $1::oid AND attidentity = 'a'");
    constexpr int has_other_collations = 120000;
    if (session.server_version() >= has_other_collations)
        mark(&Column::deterministic, false,
             "SELECT a.attname FROM pg_attribute a JOIN pg_collation c ON c.oid = a.attcollation"
             " WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT c.collisdeterministic");
}

}  // namespace sluice
