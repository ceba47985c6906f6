#include "sinks/load/isolation/server_side_load.h"
#include "tests/component/sink_setup.h"

#include <doctest/doctest.h>

namespace sluice::test {
namespace {

constexpr const char* before_rows = "BEFORE INSERT ON t FOR EACH ROW";
constexpr const char* after_rows = "AFTER INSERT ON t FOR EACH ROW";
constexpr const char* refuse_bad =
    "IF NEW.city = 'bad' THEN RAISE 'no such city'; END IF; RETURN NEW;";

TestRow bad_at(Offset offset, bool bad) {
    return {offset, bad ? "bad" : "city"};
}

/// Whether some sink's rows have gone through a temporary table.
bool went_server_side(const SinkSetup& setup) {
    return setup.value("SELECT count(*) > 0 FROM pg_class WHERE relname LIKE 'sluice\\_staged%'") ==
           "t";
}

/// Some batches of which a trigger refuses the rows that `bad` says, SQL over o.
void check_trigger(const char* when, const std::function<bool(Offset)>& is_bad,
                   const std::string& bad) {
    const SinkSetup setup("id bigint, city text");
    setup.add_trigger(when, refuse_bad);
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    load_batches(setup, sink, [&](Offset o) { return bad_at(o, is_bad(o)); });
    check_split(setup, bad);
    CHECK(went_server_side(setup));
}

TEST_CASE("server side: what a trigger refuses, row by row, in both forms") {
    for (const CopyForm form : {CopyForm::binary, CopyForm::text}) {
        const SinkSetup setup("id bigint GENERATED ALWAYS AS IDENTITY, city text NOT NULL");
        setup.add_trigger(before_rows, refuse_bad);
        setup.anchor(0, 0);
        CloudberrySink sink = setup.sink();
        load_batches(
            setup, sink, [](Offset o) { return bad_at(o, o % 40 == 7 || o % 41 == 7); }, form);
        check_split(setup, "o % 40 = 7 OR o % 41 = 7");
        CHECK(went_server_side(setup));
        CHECK(setup.list("SELECT DISTINCT reasons->0->>'column', reasons->0->>'reason'"
                         " FROM sluice.dead_letter") == "NULL|no such city");
        CHECK(setup.value("SELECT bool_and(city = 'city') AND count(DISTINCT id) = count(*)"
                          " FROM t") == "t");
    }
}

TEST_CASE("server side: NOT NULL names its column") {
    const SinkSetup setup("id bigint, city text NOT NULL");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    load_batches(setup, sink, [](Offset o) {
        return o % 50 == 3 ? TestRow{o, std::nullopt} : TestRow{o, "city"};
    });
    check_split(setup, "o % 50 = 3");
    CHECK(went_server_side(setup));
    CHECK(setup.list("SELECT DISTINCT reasons->0->>'column' FROM sluice.dead_letter") == "city");
}

TEST_CASE("server side: rows close together, at both ends, and all of them") {
    check_trigger(
        before_rows,
        [](Offset o) { return o % 3000 < 20 || o % 3000 > 2990 || (o > 6000 && o < 9000); },
        "o % 3000 < 20 OR o % 3000 > 2990 OR (o > 6000 AND o < 9000)");
}

TEST_CASE("server side: what the statement's end refuses") {
    check_trigger(
        after_rows, [](Offset o) { return o % 60 == 7 || o % 61 == 7; },
        "o % 60 = 7 OR o % 61 = 7");
}

TEST_CASE("server side: a duplicate of a row that the statement's end refuses is none") {
    const SinkSetup setup("id bigint, city text");
    // The judge knows no index over an expression.
    setup.exec("CREATE UNIQUE INDEX ON t ((id + 0))");
    setup.add_trigger(after_rows, refuse_bad);
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    // 9 takes the place of 8, and 10 is its duplicate.
    load_batches(setup, sink, [](Offset o) {
        const Offset in_fifty = o % 50;
        if (in_fifty == 9 || in_fifty == 10) return TestRow{o - in_fifty + 8, "city"};
        return bad_at(o, in_fifty == 8);
    });
    check_split(setup, "o % 50 IN (8, 10)");
    CHECK(went_server_side(setup));
    CHECK(setup.value("SELECT reasons->0->>'reason' FROM sluice.dead_letter"
                      " WHERE kafka_offset = 8960") ==
          "duplicate key value violates unique constraint \"t_expr_idx\": Key ((id +"
          " 0))=(8958) already exists.");
}

TEST_CASE("server side: a statement that is refused is not the rows' fault") {
    for (const std::string when : {"BEFORE", "AFTER"}) {
        const SinkSetup setup("id bigint, city text");
        setup.add_trigger(before_rows, refuse_bad);
        setup.anchor(0, 0);
        CloudberrySink sink = setup.sink();
        const MakeRow some_bad = [](Offset o) { return bad_at(o, o % 40 == 0); };
        load_batches(setup, sink, some_bad, CopyForm::binary, 2);
        REQUIRE(went_server_side(setup));
        setup.add_trigger(when + " INSERT ON t FOR EACH STATEMENT", "RAISE 'closed for the audit';",
                          "closed");
        Batch batch = make_batch(6000, 9000, some_bad);
        const std::string reason = retry_reason(sink.commit(batch));
        CHECK_MESSAGE(reason.find("closed for the audit") != std::string::npos, reason);
        CHECK(setup.rejected() == "150");
        setup.exec("DROP TRIGGER closed ON t");
        REQUIRE(committed(sink.commit(batch)));
        check_split(setup, "o % 40 = 0");
    }
}

TEST_CASE("server side: a statement that is refused once doubles no row") {
    const SinkSetup setup("id bigint, city text");
    setup.add_trigger(before_rows, refuse_bad);
    setup.exec("CREATE SEQUENCE statements START 1000000");
    setup.add_trigger("BEFORE INSERT ON t FOR EACH STATEMENT",
                      "IF nextval('statements') = 40 THEN RAISE 'not now'; END IF; RETURN NULL;",
                      "once");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    const MakeRow some_bad = [](Offset o) { return bad_at(o, o % 40 == 7); };
    load_batches(setup, sink, some_bad, CopyForm::binary, 2);
    REQUIRE(went_server_side(setup));
    setup.exec("SELECT setval('statements', 1)");
    load_batches(setup, sink, some_bad, CopyForm::binary, 1);
    CHECK(setup.value("SELECT last_value > 40 FROM statements") == "t");
    check_split(setup, "o % 40 = 7");
}

TEST_CASE("server side: rows of many sizes") {
    for (const char* const when : {before_rows, after_rows}) {
        const SinkSetup setup("id bigint, city text");
        setup.add_trigger(
            when,
            "IF NEW.city LIKE 'bad%' THEN RAISE '%', repeat('x', 100000); END IF; RETURN NEW;");
        setup.anchor(0, 0);
        CloudberrySink sink = setup.sink();
        load_batches(setup, sink, [](Offset o) {
            TestRow row = bad_at(o, o % 100 == 7);
            row.city->append(static_cast<std::size_t>(o * 7919 % 1500), 'x');
            return row;
        });
        check_split(setup, "o % 100 = 7");
        CHECK(went_server_side(setup));
    }
}

TEST_CASE("server side: values go through no type that the table had before") {
    SinkSetup setup("id bigint, city numeric(10, 2)");
    setup.add_trigger(before_rows,
                      "IF NEW.id % 40 = 7 THEN RAISE 'no such id'; END IF; RETURN NEW;");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    const MakeRow make_row = [](Offset o) { return TestRow{o, "1.2345"}; };
    load_batches(setup, sink, make_row, CopyForm::text, 2);
    REQUIRE(went_server_side(setup));
    setup.exec(
        "ALTER TABLE t ALTER city TYPE numeric(10, 4); UPDATE t SET city = 0;"
        "DROP TRIGGER judge ON t");
    load_batches(setup, sink, make_row, CopyForm::text, 1);
    CHECK(setup.list("SELECT city, count(*) FROM t WHERE city > 0 GROUP BY 1") == "1.2345|3000");
}

/// Two columns, "<row>\t7" each.
EncodedRows three_rows() {
    EncodedRows rows;
    for (int row = 0; row < 3; ++row) {
        rows.bytes += std::to_string(row) + "\t7\n";
        rows.rows.push_back({.record = 0, .end = rows.bytes.size()});
    }
    return rows;
}

TEST_CASE("server side: a column's name that ends the quotes around the statement") {
    const SinkSetup setup("id bigint, city text, \"x$sluice$; SELECT 1 / 0; -- @count@\" int");
    Session session(setup.dsn, "test");
    ServerSideLoad load(session, "t", {"id", "x$sluice$; SELECT 1 / 0; -- @count@"});
    Transaction transaction(session);
    const auto refused = load.load({three_rows(), CopyForm::text, 0, 3, {{1, std::nullopt}}}, 10);
    REQUIRE(refused.has_value());
    CHECK(refused->empty());
    transaction.commit();
    CHECK(setup.list("SELECT id, \"x$sluice$; SELECT 1 / 0; -- @count@\" FROM t ORDER BY 1") ==
          "0|7 2|7");
}

TEST_CASE("server side: two tables in one session") {
    const SinkSetup setup("id bigint, city text");
    setup.exec("CREATE TABLE other (b int, a int)");
    Session session(setup.dsn, "test");
    ServerSideLoad first(session, "t", {"id", "city"});
    ServerSideLoad second(session, "other", {"a", "b"});
    for (ServerSideLoad* const load : {&first, &second}) {
        Transaction transaction(session);
        REQUIRE(load->load({three_rows(), CopyForm::text, 0, 3, {}}, 10).has_value());
        transaction.commit();
    }
    CHECK(setup.list("SELECT * FROM t ORDER BY 1") == "0|7 1|7 2|7");
    CHECK(setup.list("SELECT * FROM other ORDER BY a") == "7|0 7|1 7|2");
}

TEST_CASE("server side: trouble of the world is not the rows' fault") {
    const SinkSetup setup("id bigint, city text");
    setup.add_trigger(before_rows,
                      "IF NEW.city = 'locked' THEN RAISE 'busy' USING ERRCODE = '55P03'; END IF;" +
                          std::string(refuse_bad));
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    load_batches(
        setup, sink, [](Offset o) { return bad_at(o, o % 40 == 7); }, CopyForm::binary, 2);
    REQUIRE(went_server_side(setup));
    Batch batch = make_batch(6000, 9000, [](Offset o) {
        return o == 7500 ? TestRow{o, "locked"} : bad_at(o, o % 40 == 7);
    });
    CHECK(retry_reason(sink.commit(batch)).find("busy") != std::string::npos);
    CHECK(setup.rejected() == "150");
    CHECK(setup.next(0) == 6000);
}

TEST_CASE("server side: not where INSERT is something else than COPY") {
    const SinkSetup setup("id bigint, city text");
    setup.exec(
        "CREATE TABLE elsewhere (id bigint);"
        "CREATE RULE copies AS ON INSERT TO t DO ALSO INSERT INTO elsewhere VALUES (1)");
    setup.add_trigger(before_rows, refuse_bad);
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    load_batches(setup, sink, [](Offset o) { return bad_at(o, o % 40 == 7); });
    check_split(setup, "o % 40 = 7");
    CHECK(!went_server_side(setup));
    CHECK(setup.value("SELECT count(*) FROM elsewhere") == "0");
}

TEST_CASE("server side: not where a domain's column is left to a trigger") {
    const SinkSetup setup("id bigint, city text");
    setup.exec("CREATE DOMAIN given AS int NOT NULL; ALTER TABLE t ADD d given");
    setup.add_trigger(before_rows, "NEW.d := 1; " + std::string(refuse_bad));
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    load_batches(setup, sink, [](Offset o) { return bad_at(o, o % 40 == 7); });
    check_split(setup, "o % 40 = 7");
    CHECK(!went_server_side(setup));
}

TEST_CASE("server side: a row that was found before is not offered again") {
    SinkSetup setup("id bigint, city text");
    setup.exec(
        "CREATE TYPE colour AS ENUM ('city', 'bad');"
        "ALTER TABLE t ALTER city TYPE colour USING NULL");
    setup.read_table();
    setup.add_trigger(before_rows, refuse_bad);
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    load_batches(setup, sink, [](Offset o) {
        return o % 50 == 9 ? TestRow{o, "Atlantis"} : bad_at(o, o % 40 == 7);
    });
    check_split(setup, "o % 50 = 9 OR o % 40 = 7");
    CHECK(went_server_side(setup));
}

TEST_CASE("server side: the end of all refusals") {
    check_trigger(
        before_rows, [](Offset o) { return o < 6000 && o % 40 == 7; }, "o < 6000 AND o % 40 = 7");
}

}  // namespace
}  // namespace sluice::test
