#include "sinks/schema/schema.h"

#include "pipeline/errors.h"
#include "sinks/catalogue/check.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/source_dir.h"
#include "tests/fixture/temp_dir.h"

#include <doctest/doctest.h>

#include <thread>

/// Sluice's own tables: versions, and the way from one to the next.
namespace sluice::test {
namespace {

/// A database with the tables as version 1 had them.
class OldTables {
public:
    explicit OldTables(const std::string& role = "postgres") {
        server.create_database(database);
        server.exec(fixture::read_file(fixture::source_dir() + "/conformance/tables_v1.sql"),
                    database);
        session.emplace(server.dsn(database, role), "test");
    }
    [[nodiscard]] std::string value(const std::string& sql) const {
        return server.value(sql, database);
    }
    /// What ensure_schema() says, "" when it has no complaint.
    std::string ensure(std::span<const Migration> migrations = schema_migrations()) {
        try {
            ensure_schema(*session, "sluice", migrations);
            return "";
        } catch (const TroubleOfTheWorld& trouble) {
            return trouble.what();
        }
    }

    static constexpr const char* database = "own_tables";
    fixture::Postgres& server = fixture::shared_postgres();
    std::optional<Session> session;
};

/// All that makes the tables what they are, a line each.
std::string described(const OldTables& tables) {
    return tables.value(
        "SELECT string_agg(line, E'\\n' ORDER BY line) FROM ("
        "SELECT c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) ||"
        " CASE WHEN a.attnotnull THEN ' not null' ELSE '' END ||"
        " coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') ||"
        " coalesce(' -- ' || col_description(c.oid, a.attnum), '') FROM pg_class c"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum"
        " WHERE c.relnamespace = 'sluice'::regnamespace AND c.relkind IN ('r', 'v')"
        " UNION ALL SELECT c.relname || ' ' || coalesce(array_to_string(c.reloptions, ','), '') ||"
        " ' -- ' || obj_description(c.oid, 'pg_class') || CASE c.relkind WHEN 'v' THEN"
        " pg_get_viewdef(c.oid) ELSE '' END FROM pg_class c"
        " WHERE c.relnamespace = 'sluice'::regnamespace AND c.relkind IN ('r', 'v')"
        " UNION ALL SELECT pg_get_constraintdef(oid) || conrelid::regclass::text"
        " FROM pg_constraint WHERE connamespace = 'sluice'::regnamespace"
        " UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'sluice') lines (line)");
}

constexpr Migration next_version{schema_version + 1,
                                 "ALTER TABLE @s@.ledger ADD later bigint NOT NULL DEFAULT 0;\n"};

TEST_CASE("schema: version 1, upgraded, is what a new database gets") {
    OldTables old;
    CHECK(old.ensure() == "");
    const std::string upgraded = described(old);
    old.server.exec("DROP SCHEMA sluice CASCADE", OldTables::database);
    CHECK(old.ensure() == "");
    CHECK(upgraded == described(old));
    CHECK(old.value("SELECT max(version) FROM sluice.schema_version") ==
          std::to_string(schema_version));
}

TEST_CASE("schema: a step is all or nothing, is noted, and leaves what is there") {
    OldTables old;
    old.server.exec(
        "INSERT INTO sluice.ledger VALUES ('p', 'c', 't', 0, 0, 0, 2, 2, 0, 0, 0, 0, 'batch', 'w',"
        " 'r')",
        OldTables::database);
    CHECK(old.ensure(std::array{next_version}) == "");
    CHECK(old.value("SELECT loaded || ',' || later FROM sluice.ledger") == "2,0");
    const std::string next = std::to_string(next_version.to);
    CHECK(old.value("SELECT max(version) FROM sluice.schema_version") == next);

    constexpr Migration broken{next_version.to + 1, "DROP TABLE @s@.ledger; SELECT 1/0;\n"};
    CHECK(old.ensure(std::array{next_version, broken}) ==
          "schema \"sluice\": its tables have version " + next + " and cannot be upgraded to " +
              std::to_string(broken.to) +
              ": division by zero; let their owner run: sluice schema --apply");
    CHECK(old.value("SELECT count(*) FROM sluice.ledger") == "1");
    CHECK(old.value("SELECT max(version) FROM sluice.schema_version") == next);
}

TEST_CASE("schema: progress of version 1 goes on where it was, whatever it was") {
    fixture::shared_postgres().create_role("loader");
    OldTables old;
    const auto ledger = [&](const std::string& partition_and_range) {
        old.server.exec(
            "INSERT INTO sluice.ledger SELECT 'p', 'c', 't', p, i, f, t, t - f, 0, 0,"
            " 0, 0, 'batch', 'w', 'r' FROM (VALUES " +
                partition_and_range + ") v (p, i, f, t)",
            OldTables::database);
    };
    // As ever; never moved; rewound twice; moved by hand, back and forth; without progress; moved
    // back by hand, and gone on from there; begun anew by hand after a rewind; both.
    ledger("(0, 0, 5, 7), (0, 0, 7, 9)");
    ledger("(2, 0, 0, 9), (2, 1, 4, 9), (2, 2, 1, 3)");
    ledger("(3, 0, 0, 9), (4, 0, 0, 9), (5, 0, 0, 9)");
    ledger("(6, 0, 0, 9), (6, 0, 0, 9), (6, 0, 9, 12)");
    ledger("(7, 0, 0, 9), (7, 1, 4, 9)");
    ledger("(8, 0, 0, 9), (8, 0, 0, 9), (8, 1, 0, 9), (8, 1, 0, 9)");
    old.server.exec(
        "INSERT INTO sluice.progress (pipeline, cluster_id, topic, kafka_partition, next_offset,"
        " anchor_offset, incarnation, last_offset, writer) VALUES ('p', 'c', 't', 0, 9, 5, 0, 8,"
        " 'w'), ('p', 'c', 't', 1, 6, 6, 0, -1, 'w'), ('p', 'c', 't', 2, 3, 1, 2, 2, 'w'),"
        " ('p', 'c', 't', 3, 4, 0, 0, 3, 'w'), ('p', 'c', 't', 4, 12, 0, 0, 11, 'w'),"
        " ('p', 'c', 't', 6, 12, 0, 0, 11, 'w'), ('p', 'c', 't', 7, 9, 0, 0, 8, 'w'),"
        " ('p', 'c', 't', 8, 9, 0, 1, 8, 'w');"
        "GRANT SELECT, INSERT, UPDATE ON sluice.progress TO loader;"
        "GRANT SELECT ON sluice.progress TO PUBLIC",
        OldTables::database);
    CHECK(old.ensure() == "");
    CHECK(old.value("SELECT string_agg(concat_ws('|', kafka_partition, next_offset, anchor_offset,"
                    " incarnation, last_offset), ' ' ORDER BY kafka_partition)"
                    " FROM sluice.progress") ==
          "0|9|5|0|8 1|6|6|0|-1 2|3|1|2|2 3|4|4|1|-1 4|12|12|1|-1 6|12|0|0|11"
          " 7|9|9|2|-1 8|9|0|1|8");
    CHECK(old.value("SELECT string_agg(concat_ws('|', kafka_partition, incarnation,"
                    " anchor_offset), ' ' ORDER BY kafka_partition, incarnation)"
                    " FROM sluice.anchor WHERE kafka_partition IN (2, 6, 7, 8)") ==
          "2|0|0 2|1|4 2|2|1 6|-1|0 6|0|0 7|0|0 7|1|4 7|2|9"
          " 8|-2|0 8|-1|0 8|0|0 8|1|0");
    CHECK(old.value("SELECT has_table_privilege('loader', 'sluice.progress', 'SELECT') AND"
                    " has_table_privilege('loader', 'sluice.anchor', 'INSERT')") == "t");
}

TEST_CASE("schema: a view of what progress was is named, and nothing is upgraded under it") {
    OldTables old;
    old.server.exec("CREATE VIEW lag AS SELECT pipeline, incarnation FROM sluice.progress",
                    OldTables::database);
    CHECK(old.ensure() ==
          "schema \"sluice\": its tables have version 1 and cannot be upgraded to 4: "
          "\"sluice\".progress becomes a view, and these are made of the table that it is: lag; "
          "drop them, and make them again after the upgrade; let their owner run: sluice schema "
          "--apply");
    CHECK(old.value("SELECT max(version) FROM sluice.schema_version") == "1");
    old.server.exec("DROP VIEW lag", OldTables::database);
    CHECK(old.ensure() == "");
}

TEST_CASE("schema: a daemon of version 3 that still runs can fold nothing") {
    OldTables old;
    CHECK(old.ensure() == "");
    CHECK_THROWS_AS(
        old.session->exec("INSERT INTO sluice.ledger (pipeline, committed_at, cluster_id, topic,"
                          " kafka_partition, incarnation, from_offset, to_offset, loaded, rejected,"
                          " filtered, gaps, lost, superseded, unmatched, kind, writer, revision)"
                          " SELECT 'p', now(), 'c', 't', 0, 0, 0, 2, 2, 0, 0, 0, 0, 0, 0, 'folded',"
                          " '', ''"),
        DatabaseError);
}

TEST_CASE("schema: of daemons that start at once one upgrades, and all go on") {
    const OldTables old;
    std::vector<std::string> said(4);
    {
        std::vector<std::jthread> daemons;
        for (std::string& complaint : said) {
            daemons.emplace_back([&complaint, dsn = old.server.dsn(OldTables::database)] {
                Session session(dsn, "test");
                try {
                    ensure_schema(session, "sluice", std::array{next_version});
                } catch (const std::exception& error) {
                    complaint = error.what();
                }
            });
        }
    }
    for (const std::string& complaint : said) CHECK(complaint == "");
    CHECK(old.value("SELECT count(*) FROM sluice.schema_version WHERE version > " +
                    std::to_string(schema_version)) == "1");
}

TEST_CASE("schema: who may not upgrade is told who may, and tables of a newer program are left") {
    fixture::shared_postgres().create_role("loader");
    OldTables old("loader");
    old.server.exec(
        "GRANT USAGE ON SCHEMA sluice TO loader; GRANT ALL ON ALL TABLES IN SCHEMA sluice TO "
        "loader",
        OldTables::database);
    CHECK(
        old.ensure() ==
        "schema \"sluice\": its tables have version 1 and cannot be upgraded to 4: must be owner of"
        " table ledger; let their owner run: sluice schema --apply");
    old.server.exec("INSERT INTO sluice.schema_version VALUES (99)", OldTables::database);
    const std::string newer =
        "schema \"sluice\": its tables have version 99, which a newer sluice has made; this one "
        "knows versions up to " +
        std::to_string(schema_version) + ": run the newer one";
    CHECK(old.ensure() == newer);
    CHECK(to_string(check_own_tables(*old.session, "sluice").at(0)) == "[cloudberry]: " + newer);
}

}  // namespace
}  // namespace sluice::test
