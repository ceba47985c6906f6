#include "sinks/catalogue/keys.h"

#include "sinks/session/server_family.h"
#include "sinks/session/sql_text.h"

#include <algorithm>

namespace sluice {
namespace {

void read_indexes(Session& session, const std::string& oids,
                  const std::map<std::string, Table*>& tables) {
    constexpr int has_included_columns = 110000;
    const std::string only_key =
        session.server_version() >= has_included_columns ? " AND k.place <= i.indnkeyatts" : "";
    const std::string key_columns =
        " FROM unnest(i.indkey) WITH ORDINALITY k (number, place)"
        " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number"
        " JOIN pg_opclass o ON o.oid = i.indclass[k.place::int - 1] WHERE k.number > 0" +
        only_key;
    // 403 is btree. Another collation or operator class may hold other values for equal.
    const Rows rows = session.exec(
        "SELECT i.indisprimary, i.indisunique, i.indimmediate AND NOT EXISTS (SELECT 1" +
            key_columns +
            " AND NOT (o.opcmethod = 403 AND o.opcdefault"
            " AND i.indcollation[k.place::int - 1] = a.attcollation)),"
            " ARRAY(SELECT a.attname::text" +
            key_columns +
            " AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL ORDER BY k.place),"
            " i.indrelid FROM pg_index i WHERE i.indrelid = ANY($1::oid[]) AND i.indisready"
            " ORDER BY i.indrelid, i.indisprimary DESC, i.indexrelid",
        {oids});
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        Index index{.columns = parse_array(rows.text(row, 3)),
                    .unique = rows.text(row, 1) == "t",
                    .plain = rows.text(row, 2) == "t"};
        Table& table = *tables.at(rows.text(row, 4));
        if (rows.text(row, 0) == "t") table.primary_key = index.columns;
        table.indexes.push_back(std::move(index));
    }
}

void read_storage(Session& session, const std::string& oids,
                  const std::map<std::string, Table*>& tables) {
    if (!is_mpp(session.family())) return;
    const std::string condition =
        has_relstorage(session)
            ? "c.relstorage IN ('a', 'c')"
            : "c.relam IN (SELECT oid FROM pg_am WHERE amname IN ('ao_row', 'ao_column'))";
    const Rows rows = session.exec(
        "SELECT c.oid FROM pg_class c WHERE c.oid = ANY($1::oid[]) AND " + condition, {oids});
    for (std::size_t row = 0; row < rows.rows.size(); ++row)
        tables.at(rows.text(row, 0))->append_optimized = true;
}

}  // namespace

bool has_relstorage(Session& session) {
    return session
               .exec(
                   "SELECT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid ="
                   " 'pg_catalog.pg_class'::regclass AND attname = 'relstorage')")
               .text(0, 0) == "t";
}

Followers read_followers(Session& session, const std::string& table) {
    // ON … CASCADE, SET NULL and SET DEFAULT; what others have a DELETE do (8, '4').
    const Rows rows = session.exec(
        "SELECT EXISTS (SELECT 1 FROM pg_constraint WHERE contype = 'f'"
        " AND confrelid = $1::regclass AND confdeltype IN ('c', 'n', 'd'))"
        " OR EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = $1::regclass"
        " AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 8 = 8)"
        " OR EXISTS (SELECT 1 FROM pg_rewrite WHERE ev_class = $1::regclass"
        " AND ev_type = '4' AND ev_enabled <> 'D'),"
        " EXISTS (SELECT 1 FROM pg_constraint WHERE contype = 'f'"
        " AND confrelid = $1::regclass AND confupdtype IN ('c', 'n', 'd'))",
        {table});
    return {.of_deletes = rows.text(0, 0) == "t", .of_updates = rows.text(0, 1) == "t"};
}

void read_keys(Session& session, const std::string& oids,
               const std::map<std::string, Table*>& tables) {
    read_indexes(session, oids, tables);
    read_storage(session, oids, tables);
    // References in a circle have no end.
    const Rows references = session.exec(
        "WITH RECURSIVE up (root, oid, steps) AS (SELECT conrelid, confrelid, 1 FROM pg_constraint"
        " WHERE contype = 'f' AND conrelid = ANY($1::oid[]) AND confrelid <> conrelid"
        " UNION SELECT up.root, c.confrelid, up.steps + 1 FROM up JOIN pg_constraint c"
        " ON c.conrelid = up.oid WHERE c.contype = 'f' AND c.confrelid <> c.conrelid"
        " AND up.steps < 20) SELECT root, max(steps) FROM up GROUP BY root",
        {oids});
    for (std::size_t row = 0; row < references.rows.size(); ++row)
        tables.at(references.text(row, 0))->references =
            static_cast<int>(references.number(row, 1));
    constexpr int has_identities = 100000;
    const auto mark = [&](bool Column::*as, bool value, const std::string& sql) {
        const Rows rows = session.exec(sql, {oids});
        for (std::size_t row = 0; row < rows.rows.size(); ++row)
            for (Column& column : tables.at(rows.text(row, 0))->columns)
                if (rows.text(row, 1) == column.name) column.*as = value;
    };
    if (session.server_version() >= has_identities)
        mark(&Column::identity, true,
             "SELECT attrelid, attname FROM pg_attribute WHERE attrelid = ANY($1::oid[])"
             " AND attidentity = 'a'");
    constexpr int has_other_collations = 120000;
    if (session.server_version() >= has_other_collations)
        mark(&Column::deterministic, false,
             "SELECT a.attrelid, a.attname FROM pg_attribute a"
             " JOIN pg_collation c ON c.oid = a.attcollation"
             " WHERE a.attrelid = ANY($1::oid[]) AND a.attnum > 0 AND NOT c.collisdeterministic");
}

}  // namespace sluice
