#include "pipeline/errors.h"
#include "sinks/books/ledger_upkeep.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/catalogue/check.h"
#include "sinks/schema/schema.h"
#include "sinks/verify/verify.h"
#include "tests/component/sink_setup.h"
#include "tests/fixture/mpp_locks.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

namespace sluice::test {
namespace {

constexpr const char* with_positions = "id bigint, city text, part int DEFAULT 0";

VerifyOptions options(const SinkSetup& setup) {
    return {.schema = "sluice",
            .pipeline = "p",
            .topics = "orders",
            .table = setup.table,
            .partition_column = "part",
            .offset_column = "id",
            .topic_column = std::nullopt};
}

/// Batches of ten in partition 0 up to `end`; the id is the offset.
void load(const SinkSetup& setup, CloudberrySink& sink, Offset from, Offset end) {
    for (; from < end; from += 10) {
        Batch batch;
        add_rows(batch, 0, from, plain_rows(from, 10));
        REQUIRE(committed(sink.commit(batch)));
    }
    CHECK(setup.next(0) == end);
}

TEST_CASE("progress: who anchors first wins, and lost offsets are in the ledger") {
    const SinkSetup setup(with_positions);
    CloudberryProgress progress = setup.progress();
    CHECK(!progress.topics().contains("orders"));
    const Position starts[] = {{0, 5}, {1, 7}};
    progress.anchor(starts);
    const Position later[] = {{0, 9}, {2, 1}};
    progress.anchor(later);
    CHECK(progress.topics().contains("orders"));
    CHECK(setup.next(0) == 5);
    CHECK(setup.next(2) == 1);
    CHECK(progress.skip_lost(0, {4, 10}) == Move::overtaken);
    CHECK(progress.skip_lost(0, {5, 10}) == Move::made);
    CHECK(setup.next(0) == 10);
    CHECK(setup.list("SELECT from_offset, to_offset, lost, kind FROM sluice.ledger") ==
          "5|10|5|skipped");
    CHECK(progress.begin_anew(0, 9, 0) == Move::overtaken);
    CHECK(progress.begin_anew(0, 10, 0) == Move::made);
    CHECK(setup.list("SELECT next_offset, anchor_offset, incarnation, last_offset"
                     " FROM sluice.progress WHERE kafka_partition = 0") == "0|0|1|-1");
    Session session(setup.dsn, "test");
    CHECK(verify(session, options(setup)).fine());
}

TEST_CASE("progress: of anchors that were deleted, others begin another incarnation") {
    const SinkSetup setup(with_positions);
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    load(setup, sink, 0, 20);
    setup.exec("DELETE FROM sluice.anchor; DELETE FROM t");
    CHECK(setup.value("SELECT count(*) FROM sluice.progress") == "0");
    setup.anchor(0, 0);
    setup.anchor(0, 7);
    CHECK(setup.list("SELECT next_offset, incarnation FROM sluice.progress") == "0|1");
    Batch old;
    add_rows(old, 0, 0, plain_rows(0, 10));
    CHECK(fenced(sink.commit(old)) == "0");
    Batch batch;
    add_rows(batch, 0, 0, plain_rows(0, 10));
    batch.slice(0, 0).incarnation = 1;
    CHECK(committed(sink.commit(batch)));
    CHECK(setup.next(0) == 10);
}

TEST_CASE("progress: is looked up, however long the ledger is") {
    const SinkSetup setup(with_positions);
    setup.anchor(0, 0);
    setup.exec(
        "INSERT INTO sluice.ledger SELECT 'p', 'c', 'orders', 0, 0, i, i + 1, 1, 0, 0, 0, 0,"
        " 'batch', 'w', 'r', now(), 0, 0, -1, -1, 0 FROM generate_series(0, 49999) i; ANALYZE "
        "sluice.ledger");
    CHECK(setup.next(0) == 50000);
    CHECK(setup.list("EXPLAIN SELECT * FROM sluice.progress").find("Seq Scan on ledger") ==
          std::string::npos);
}

TEST_CASE("ledger: folding keeps the sums, also while others write and fold") {
    const SinkSetup setup(with_positions);
    fixture::PgConnection owner = fixture::shared_postgres().connect(setup.database);
    fixture::install_mpp_locks(owner, "sluice.ledger");
    setup.anchor(0, 0);
    std::atomic<bool> done = false;
    std::atomic<std::int64_t> folded = 0;
    const auto fold = [&] {
        Session session(setup.dsn, "fold");
        while (!done) folded += fold_ledger(session, "sluice", "p", std::chrono::seconds(0)).rows;
    };
    std::thread one(fold);
    std::thread other(fold);
    CloudberrySink sink = setup.sink();
    for (Offset from = 0; from < 500;) {
        Batch batch;
        add_rows(batch, 0, from, plain_rows(from, 10));
        if (committed(sink.commit(batch))) from += 10;
    }
    done = true;
    one.join();
    other.join();
    Session session(setup.dsn, "fold");
    folded += fold_ledger(session, "sluice", "p", std::chrono::seconds(0)).rows;
    CHECK(setup.list("SELECT from_offset, to_offset, loaded, kind FROM sluice.ledger ORDER BY 1") ==
          "0|490|490|folded 490|500|10|batch");
    CHECK(folded == 48);
    CHECK(verify(session, options(setup)).fine());
}

TEST_CASE("ledger: folding leaves young rows, holes, ended incarnations and the last row") {
    const SinkSetup setup(with_positions);
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    load(setup, sink, 0, 50);
    Session session(setup.dsn, "fold");
    CHECK(fold_ledger(session, "sluice", "p", std::chrono::hours(1)).rows == 0);
    setup.exec("DELETE FROM sluice.ledger WHERE from_offset = 20");
    CHECK(fold_ledger(session, "sluice", "p", std::chrono::seconds(0)).rows == 1);
    CHECK(setup.list("SELECT from_offset, to_offset, kind FROM sluice.ledger ORDER BY 1") ==
          "0|20|folded 30|40|folded 40|50|batch");
}

TEST_CASE("ledger: folding goes in steps over many partitions, and what it folded folds on") {
    const SinkSetup setup(with_positions);
    setup.exec(
        "INSERT INTO sluice.ledger SELECT 'p', 'c', 'orders', i % 3, 0, i / 3 * 10, i / 3 * 10 + "
        "10,"
        " 9, 0, 1, 0, 0, 'batch', 'w', 'r', now() - interval '1 day' + i * interval '1 second',"
        " 0, 0, -1, -1, 0 FROM generate_series(0, 29999) i");
    Session session(setup.dsn, "fold");
    CHECK(fold_ledger(session, "sluice", "p", std::chrono::seconds(0)).rows == 29994);
    CHECK(setup.list("SELECT kafka_partition, from_offset, to_offset, loaded, filtered, kind"
                     " FROM sluice.ledger WHERE kafka_partition <> 1 ORDER BY 1, 2") ==
          "0|0|99990|89991|9999|folded 0|99990|100000|9|1|batch "
          "2|0|99990|89991|9999|folded 2|99990|100000|9|1|batch");
    CHECK(fold_ledger(session, "sluice", "p", std::chrono::seconds(0)).rows == 0);
}

TEST_CASE("ledger: folding gives way to a writer") {
    const SinkSetup setup(with_positions);
    fixture::PgConnection writer = fixture::shared_postgres().connect(setup.database);
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    load(setup, sink, 0, 30);
    writer.exec("BEGIN; INSERT INTO sluice.ledger SELECT * FROM sluice.ledger WHERE false");
    Session session(setup.dsn, "fold");
    CHECK(fold_ledger(session, "sluice", "p", std::chrono::seconds(0)).gave_way);
    writer.exec("COMMIT");
    CHECK(fold_ledger(session, "sluice", "p", std::chrono::seconds(0)).rows == 1);
}

TEST_CASE("verify: sees what is missing, doubled, beyond, and a ledger that does not add up") {
    const SinkSetup setup(with_positions);
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    load(setup, sink, 0, 50);
    Session session(setup.dsn, "verify");
    const auto problems = [&] {
        const Verification result = verify(session, options(setup));
        REQUIRE(result.partitions.size() == 1);
        CHECK(result.not_compared.empty());
        std::string text;
        for (const std::string& problem : result.partitions[0].problems) text += problem + "\n";
        CHECK(result.fine() == text.empty());
        return text;
    };
    CHECK(problems().empty());
    SUBCASE("missing") {
        setup.exec("DELETE FROM t WHERE id IN (0, 17, 49)");
        CHECK(problems() == "3 loaded records are missing in the table: 0, 17, 49\n");
    }
    SUBCASE("doubled") {
        setup.exec("INSERT INTO t SELECT * FROM t WHERE id IN (3, 30)");
        CHECK(problems() == "2 rows are doubled: 3, 30\n");
    }
    SUBCASE("beyond progress") {
        setup.exec("INSERT INTO t VALUES (50, 'x', 0)");
        CHECK(problems() == "1 rows are at offsets that the ledger does not account for\n");
    }
    SUBCASE("a hole in the ledger") {
        setup.exec("DELETE FROM sluice.ledger WHERE from_offset = 20");
        CHECK(problems().find("hole: offsets 20 to 30") != std::string::npos);
    }
    SUBCASE("a range twice") {
        setup.exec(
            "INSERT INTO sluice.ledger VALUES ('p', 'c', 'orders', 0, 0, 21, 30, 9, 0, 0, 0, 0,"
            " 'batch', 'w', 'r', now(), 0, 0, 29, -1, 0)");
        CHECK(problems().find("overlaps: offsets 21 to 30") != std::string::npos);
    }
    SUBCASE("a dead letter was lost") {
        setup.exec(
            "UPDATE sluice.ledger SET loaded = 9, rejected = 1 WHERE from_offset = 20;"
            "DELETE FROM t WHERE id = 25");
        CHECK(problems().find("1 records were rejected, sluice.dead_letter holds 0") !=
              std::string::npos);
    }
}

TEST_CASE("verify: a role that may not read the target says so") {
    const SinkSetup setup(with_positions);
    setup.anchor(0, 0);
    const fixture::Postgres& server = fixture::shared_postgres();
    server.create_role("loader");
    setup.exec(
        "GRANT USAGE ON SCHEMA sluice TO loader;"
        "GRANT SELECT ON ALL TABLES IN SCHEMA sluice TO loader");
    Session session(server.dsn(setup.database, "loader"), "verify");
    const Verification result = verify(session, options(setup));
    CHECK(result.fine());
    CHECK(result.not_compared ==
          "this role may not read table \"public\".\"t\"; GRANT SELECT ON \"public\".\"t\" TO "
          "\"loader\" to compare");
    setup.exec("REVOKE SELECT ON sluice.ledger FROM loader");
    CHECK_THROWS_WITH_AS(
        static_cast<void>(verify(session, options(setup))),
        "verify: this role lacks SELECT on table \"sluice\".\"ledger\"; GRANT SELECT ON "
        "\"sluice\".\"ledger\" TO \"loader\"",
        TroubleOfTheWorld);
    setup.exec("REVOKE USAGE ON SCHEMA sluice FROM loader");
    CHECK_THROWS_WITH_AS(static_cast<void>(verify(session, options(setup))),
                         doctest::Contains("GRANT USAGE ON SCHEMA \"sluice\" TO \"loader\""),
                         TroubleOfTheWorld);
}

TEST_CASE("check: names what a role lacks, and is silent where all is well") {
    const SinkSetup setup("id bigint, city text NOT NULL");
    const fixture::Postgres& server = fixture::shared_postgres();
    server.create_role("loader");
    Session owner(setup.dsn, "check");
    CHECK(check_own_tables(owner, "sluice").empty());
    Session session(server.dsn(setup.database, "loader"), "check");
    // Each remedy as it stands, until there are none.
    const auto lacking_at_first = check_own_tables(session, "sluice");
    REQUIRE(lacking_at_first.size() == 9);
    CHECK(to_string(lacking_at_first[0]) ==
          "schema \"sluice\": this role lacks USAGE on schema \"sluice\"; GRANT USAGE ON SCHEMA "
          "\"sluice\" TO \"loader\"");
    for (const Finding& finding : lacking_at_first) setup.exec(finding.remedy);
    CHECK(check_own_tables(session, "sluice").empty());
    setup.exec("REVOKE DELETE ON sluice.ledger FROM loader; GRANT INSERT (id) ON t TO loader");
    const auto own = check_own_tables(session, "sluice");
    REQUIRE(own.size() == 1);
    CHECK(to_string(own[0]) ==
          "schema \"sluice\": this role lacks DELETE on table \"sluice\".\"ledger\"; GRANT DELETE "
          "ON \"sluice\".\"ledger\" TO \"loader\"");
    config::Ingest ingest;
    ingest.name = "p";
    bool insert = false;
    for (const Finding& finding : check_target(session, ingest, setup.table, {"id", "city"}))
        insert = insert || finding.text.find("may not insert into \"city\"") != std::string::npos;
    CHECK(insert);
    CHECK(check_own_tables(session, "elsewhere").front().severity == Finding::Severity::error);
    setup.exec("CREATE SCHEMA landing; CREATE TABLE landing.t (id bigint)");
    CHECK_THROWS_WITH_AS(static_cast<void>(read_table(session, "landing.t")),
                         "table landing.t: permission denied for schema landing; grant USAGE on it "
                         "to \"loader\"",
                         WrongConfiguration);
}

TEST_CASE("check: what would stop a load is an error with a remedy that works as it stands") {
    SinkSetup setup("id bigint, city text, number serial");
    const fixture::Postgres& server = fixture::shared_postgres();
    server.create_role("loader");
    setup.exec("GRANT INSERT ON t TO loader; ALTER TABLE t ENABLE ROW LEVEL SECURITY");
    setup.read_table();
    Session session(server.dsn(setup.database, "loader"), "check");
    config::Ingest ingest;
    ingest.name = "p";
    std::vector<std::string> errors;
    const auto check = [&] {
        errors.clear();
        for (const Finding& finding : check_target(session, ingest, setup.table, {"id", "city"}))
            if (finding.is_error()) errors.push_back(to_string(finding));
    };
    check();
    REQUIRE(errors.size() == 2);
    const std::string remedy = "GRANT USAGE ON SEQUENCE t_number_seq TO \"loader\"";
    CHECK(errors[0] ==
          "ingest.p: table \"public\".\"t\": column \"number\" is not mapped, so its default draws "
          "a number from sequence t_number_seq, which this role may not use; " +
              remedy);
    CHECK(errors[1].find("has row-level security") != std::string::npos);
    CHECK_THROWS_AS(session.run("COPY t FROM PROGRAM 'true'"), DatabaseError);
    setup.exec(remedy + "; ALTER ROLE \"loader\" BYPASSRLS");
    check();
    CHECK(errors.empty());
    setup.exec("ALTER ROLE loader NOBYPASSRLS");
}

TEST_CASE("catalogue: names as the user writes them, and types") {
    const SinkSetup setup("id bigint, city text");
    setup.exec(
        "CREATE TYPE mood AS ENUM ('ok'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);"
        "CREATE SCHEMA \"Odd one\"; CREATE TABLE \"Odd one\".\"T\"\"x\" (a mood, b positive,"
        " c int[], d numeric(10,2) NOT NULL, e int GENERATED ALWAYS AS (1) STORED,"
        " f bigint GENERATED ALWAYS AS IDENTITY, g varchar(3) DEFAULT 'x', h xml)");
    Session session(setup.dsn, "test");
    const Table table = read_table(session, "\"Odd one\".\"T\"\"x\"");
    CHECK(table.name == "T\"x");
    REQUIRE(table.columns.size() == 8);
    CHECK(table.columns[0].type == ColumnType::enumeration);
    CHECK(table.columns[1].type == ColumnType::other);
    CHECK(table.columns[2].type == ColumnType::array);
    CHECK(table.columns[3].type_name == "numeric(10,2)");
    CHECK(table.columns[3].not_null);
    CHECK(table.columns[4].generated);
    CHECK(table.columns[5].generated);
    CHECK(table.columns[6].has_default);
    CHECK(table.columns[7].type == ColumnType::other);
    CHECK(read_table(session, "T").schema == "public");
    CHECK_THROWS_WITH_AS(static_cast<void>(read_table(session, "nowhere.t")),
                         doctest::Contains("not found"), WrongConfiguration);
}

TEST_CASE("schema: can be applied twice, and on MPP says how it is distributed") {
    const SinkSetup setup("id bigint, city text");
    setup.exec(schema_ddl(Family::postgresql, "sluice"));
    setup.exec(schema_ddl(Family::postgresql, "sluice"));
    CHECK(setup.value("SELECT count(*) FROM sluice.schema_version") == "1");
    const std::string mpp = schema_ddl(Family::cloudberry, "sluice");
    CHECK(mpp.find("DISTRIBUTED BY (pipeline)") != std::string::npos);
    CHECK(mpp.find("appendonly=false") != std::string::npos);
    CHECK(family_of("PostgreSQL 14.4 (Apache Cloudberry 2.0.0 build 1)") == Family::cloudberry);
}

}  // namespace
}  // namespace sluice::test
