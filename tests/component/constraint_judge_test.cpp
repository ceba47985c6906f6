#include "sinks/load/isolation/constraint_judge.h"
#include "pipeline/values/binary_copy.h"
#include "sinks/catalogue/catalogue.h"
#include "tests/component/sink_setup.h"

#include <doctest/doctest.h>

#include <tuple>
#include <utility>

namespace sluice::test {
namespace {

/// Dead letters that the judge found: COPY would have shown the row, or named its line.
std::string judged(const SinkSetup& setup) {
    return setup.value(
        "SELECT count(*) FROM sluice.dead_letter WHERE reasons->0->>'reason' LIKE"
        " '%violates check constraint%' AND reasons->0->>'reason' NOT LIKE '%Failing row%'");
}

/// As COPY has it, from groups of four digits, the first of which stands before the point.
std::string numeric(const std::vector<std::int16_t>& groups, std::int16_t scale) {
    std::string bytes;
    binary_copy::append_int(bytes, static_cast<std::int16_t>(groups.size()));
    binary_copy::append_int(bytes, std::int32_t{0});  // weight and sign
    binary_copy::append_int(bytes, scale);
    for (const std::int16_t group : groups) binary_copy::append_int(bytes, group);
    return bytes;
}

TEST_CASE("judge: many rows that break CHECKs are found at once, in both forms") {
    for (const CopyForm form : {CopyForm::binary, CopyForm::text}) {
        const SinkSetup setup(
            "id bigint CONSTRAINT \"a b\" CHECK (id % 50 <> 7),"
            " city text CONSTRAINT known CHECK (city IN ('city', 'Ulm'))");
        setup.anchor(0, 0);
        CloudberrySink sink = setup.sink();
        const char* const odd = form == CopyForm::text ? "a\\tb\\\\" : "a\tb\\";
        load_batches(
            setup, sink,
            [&](Offset o) {
                return TestRow{o, o % 70 == 3 ? odd : "city"};
            },
            form);
        check_split(setup, "o % 50 = 7 OR o % 70 = 3");
        CHECK(std::stoi(judged(setup)) > 200);
        CHECK(setup.value("SELECT count(DISTINCT reasons->0->>'reason') FROM sluice.dead_letter"
                          " WHERE reasons->0->>'reason' NOT LIKE '%Failing%'") == "2");
    }
}

TEST_CASE("judge: duplicates of older rows and among each other, NULLs apart") {
    const SinkSetup setup("id bigint, city text, UNIQUE (id, city)");
    setup.anchor(0, 0);
    setup.exec("INSERT INTO t SELECT i, 'city' FROM generate_series(0, 9000, 100) i");
    CloudberrySink sink = setup.sink();
    load_batches(setup, sink, [](Offset o) {
        if (o % 30 == 17) return TestRow{1, std::nullopt};
        return TestRow{o % 50 == 9 ? o - 1 : o, "city"};
    });
    setup.exec("DELETE FROM t WHERE id % 100 = 0 AND ctid IN (SELECT ctid FROM t LIMIT 91)");
    check_split(setup, "o % 30 <> 17 AND (o % 50 = 9 AND (o - 1) % 30 <> 17 OR o % 100 = 0)");
    CHECK(setup.value("SELECT reasons->0->>'reason' FROM sluice.dead_letter"
                      " WHERE kafka_offset = 8900") ==
          "duplicate key value violates unique constraint \"t_id_city_key\": Key (id, city)=(8900,"
          " city) already exists.");
}

TEST_CASE("judge: a duplicate of a row that is refused for another reason is none") {
    const SinkSetup setup("id bigint UNIQUE, city text");
    setup.exec(
        "CREATE TABLE cities (name text PRIMARY KEY); INSERT INTO cities VALUES ('city');"
        "ALTER TABLE t ADD FOREIGN KEY (city) REFERENCES cities");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    // 8 is refused by the foreign key, so 9 takes its place, and 10 is a duplicate of that. In the
    // first batch COPY alone finds out: it checks keys at once and foreign keys last.
    load_batches(setup, sink, [](Offset o) {
        const Offset in_fifty = o % 50;
        if (in_fifty == 9 || in_fifty == 10) return TestRow{o - in_fifty + 8, "city"};
        if (in_fifty == 20) return TestRow{o - 1, "city"};
        return TestRow{o, o % 1500 == 8 ? "Atlantis" : "city"};
    });
    check_split(setup,
                "o % 1500 = 8 OR o % 50 IN (10, 20) OR (o % 50 = 9 AND (o - 1) % 1500 <> 8)");
}

TEST_CASE("judge: a duplicate of a row that cannot be read is none") {
    SinkSetup setup("id bigint UNIQUE, city text");
    setup.exec(
        "CREATE TYPE colour AS ENUM ('city'); ALTER TABLE t ALTER city TYPE colour USING NULL");
    setup.read_table();
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    // 9 takes the place of 8, whose label nobody knows, and 10 is its duplicate.
    load_batches(setup, sink, [](Offset o) {
        const Offset in_fifty = o % 50;
        if (in_fifty == 9 || in_fifty == 10) return TestRow{o - in_fifty + 8, "city"};
        return TestRow{o, in_fifty == 8 ? "Atlantis" : "city"};
    });
    check_split(setup, "o % 50 IN (8, 10)");
}

TEST_CASE("judge: rows that refer to nothing are found at once, NULLs apart") {
    for (const CopyForm form : {CopyForm::binary, CopyForm::text}) {
        const SinkSetup setup("id bigint, city text");
        setup.exec(
            "CREATE TABLE known AS SELECT i AS id, 'city'::text AS city FROM"
            " generate_series(0::bigint, 20000) i WHERE i % 40 <> 7;"
            "ALTER TABLE known ADD PRIMARY KEY (id, city);"
            "ALTER TABLE t ADD CONSTRAINT \"to known\" FOREIGN KEY (id, city) REFERENCES known");
        setup.anchor(0, 0);
        CloudberrySink sink = setup.sink();
        load_batches(
            setup, sink,
            [](Offset o) {
                return o % 80 == 47 ? TestRow{o, std::nullopt} : TestRow{o, "city"};
            },
            form);
        check_split(setup, "o % 40 = 7 AND o % 80 <> 47");
        CHECK(setup.value("SELECT count(*) > 50 FROM sluice.dead_letter WHERE"
                          " reasons->0->>'reason' LIKE '%constraint \"to known\": Key"
                          " (id, city)=(%, city) is not present.'") == "t");
    }
}

TEST_CASE("judge: a constraint that was dropped rejects nothing more") {
    const SinkSetup setup("id bigint CONSTRAINT few CHECK (id % 20 <> 7), city text");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    const MakeRow plain = [](Offset o) { return TestRow{o, "city"}; };
    load_batches(setup, sink, plain);
    const std::string before = setup.rejected();
    setup.exec("ALTER TABLE t DROP CONSTRAINT few");
    const Offset from = setup.next(0);
    Batch batch = make_batch(from, from + rows_per_batch, plain);
    CHECK(retry_reason(sink.commit(batch)).find("constraints have just changed") !=
          std::string::npos);
    REQUIRE(committed(sink.commit(batch)));
    CHECK(setup.rejected() == before);
}

TEST_CASE("judge: a constraint that took another's place, and another column, is learnt") {
    const SinkSetup setup("id bigint CONSTRAINT few CHECK (id % 20 <> 7), city text");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    const MakeRow make_row = [](Offset o) { return TestRow{o, o % 30 == 5 ? "bad" : "city"}; };
    load_batches(setup, sink, make_row, CopyForm::binary, 2);
    setup.exec(
        "ALTER TABLE t DROP CONSTRAINT few; DELETE FROM t WHERE city = 'bad';"
        "ALTER TABLE t ADD CONSTRAINT few CHECK (city <> 'bad')");
    Batch batch = make_batch(6000, 9000, make_row);
    REQUIRE_FALSE(retry_reason(sink.commit(batch)).empty());
    REQUIRE(committed(sink.commit(batch)));
    CHECK(setup.value("SELECT count(*) FROM sluice.dead_letter WHERE kafka_offset >= 6000") ==
          setup.value("SELECT count(*) FROM generate_series(6000, 8999) o WHERE o % 30 = 5"));
    CHECK(setup.value("SELECT count(*) FROM t WHERE id >= 6000 AND id % 20 = 7") ==
          setup.value("SELECT count(*) FROM generate_series(6000, 8999) o"
                      " WHERE o % 20 = 7 AND o % 30 <> 5"));
}

TEST_CASE("judge: what an earlier load of the same transaction staged judges nothing") {
    const SinkSetup setup("id bigint CONSTRAINT few CHECK (id % 20 <> 7), city text");
    const MakeLoader make = copy_loader(setup.table, {"id", "city"}, config::OnInvalid::reject);
    Session session(setup.dsn, "test");
    const std::unique_ptr<Loader> loader = make(session);
    Transaction transaction(session);
    for (Offset from = 0; from < 30000; from += 3000) {
        Batch batch = make_batch(from, from + 3000, [](Offset o) { return TestRow{o, "city"}; });
        CHECK(loader->isolate(batch.targets[0], Alike::refuse).size() == 150);
    }
    transaction.commit();
    CHECK(setup.value("SELECT count(*) FROM t") == "28500");
}

/// What makes no temporary tables there, and may load all the same.
std::string dsn_without_temporary(const SinkSetup& setup) {
    const fixture::Postgres& server = fixture::shared_postgres();
    server.create_role("poor");
    setup.exec("REVOKE TEMPORARY ON DATABASE " + setup.database +
               " FROM PUBLIC; GRANT INSERT ON t TO poor; GRANT USAGE ON SCHEMA sluice TO poor;"
               "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA sluice TO poor");
    return server.dsn(setup.database, "poor");
}

TEST_CASE("judge: CHECKs are asked of parameters as of rows, whatever the type makes of a value") {
    struct Kind {
        const char* columns;
        std::vector<std::optional<std::string>> cities;
        const char* bad;  ///< which of these, by their index
        bool by_parameters = true;
        const char* before = "SELECT";
    };
    const char* const is_bad = "1";
    // As COPY has them: since midnight, or 2000.
    std::vector<std::optional<std::string>> moments;
    for (const std::int64_t microseconds : {2'000'000, 0, 700'000})
        binary_copy::append_int(moments.emplace_back(std::in_place).value(), microseconds);
    for (const Kind& kind :
         {Kind{"id bigint, city text CHECK (city <> 'bad')", {"city", "bad", std::nullopt}, is_bad},
          Kind{"id bigint CHECK (id >= 0), city text COLLATE \"C\" CHECK (city < 'a')",
               {"B", "b", std::nullopt},
               is_bad},
          Kind{"id bigint, city varchar(4) CHECK (length(city) = 4)",
               {"city", "cit", "city  "},
               is_bad},
          Kind{"id bigint, city char(6) CHECK (city LIKE 'city  ')",
               {"city", "cit", "city  "},
               is_bad},
          // What the column makes of a value decides: the last of each is rounded into the bounds.
          Kind{"id bigint, city numeric(4,1) CHECK (city >= 10)",
               {numeric({10}, 0), numeric({9, 9000}, 1), numeric({9, 9600}, 2)},
               is_bad},
          Kind{"id bigint, city timestamp(0) CHECK (city >= '2000-01-01 00:00:01')", moments,
               is_bad},
          Kind{"id bigint, city timestamptz(0) CHECK (city >= '2000-01-01 00:00:01+00')", moments,
               is_bad},
          Kind{"id bigint, city time(0) CHECK (city >= '00:00:01')", moments, is_bad},
          Kind{"id bigint, city named CHECK (city <> 'bad')",
               {"city", "bad", std::nullopt},
               is_bad,
               true,
               "CREATE DOMAIN named AS text CHECK (VALUE <> 'nobody')"},
          Kind{"id bigint, city colour CHECK (city <> 'bad')",
               {"city", "bad", std::nullopt},
               is_bad,
               true,
               "CREATE TYPE colour AS ENUM ('city', 'bad')"},
          Kind{"\"row\" int, id bigint, city text CHECK ((city, id) <> ('bad', id))",
               {"city", "bad", "it's \\ \"so\""},
               is_bad},
          // Where a function is called matters.
          Kind{"id bigint, city text CHECK (city <> 'bad' OR random() > 2)",
               {"city", "bad", std::nullopt},
               is_bad,
               false},
          Kind{"id bigint, city text CHECK (fits(city))",
               {"city", "bad", std::nullopt},
               is_bad,
               false,
               "CREATE FUNCTION fits(text) RETURNS bool LANGUAGE sql AS $$ SELECT $1 <> 'bad' $$"},
          // What is not in the rows.
          Kind{"id bigint, city text, loud text GENERATED ALWAYS AS (upper(city)) STORED,"
               " CHECK (loud <> 'BAD')",
               {"city", "bad", std::nullopt},
               is_bad,
               false},
          Kind{"id bigint, city text CHECK (tableoid <> 0 AND city <> 'bad')",
               {"city", "bad", std::nullopt},
               is_bad,
               false}}) {
        CAPTURE(std::string(kind.columns));
        SinkSetup setup("id bigint, city text");
        setup.exec(std::string("DROP TABLE t; ") + kind.before + "; CREATE TABLE t (" +
                   kind.columns + ")");
        setup.read_table();
        setup.anchor(0, 0);
        CloudberrySink sink =
            setup.sink(config::OnReject::dead_letter, dsn_without_temporary(setup));
        const auto count = static_cast<Offset>(kind.cities.size());
        load_batches(setup, sink, [&](Offset o) {
            return TestRow{o, kind.cities[static_cast<std::size_t>(o % count)]};
        });
        check_split(setup, "o % " + std::to_string(count) + " IN (" + kind.bad + ")");
        CHECK((judged(setup) != "0") == kind.by_parameters);
    }
}

TEST_CASE("judge: an expression that fails for a row sends the next ones to a temporary table") {
    const SinkSetup setup(
        "id bigint CHECK (1000 / (id - 4000) <> 77), city text CHECK (city <> 'bad')");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    load_batches(
        setup, sink,
        [](Offset o) {
            return TestRow{o, o % 20 == 7 ? "bad" : "city"};
        },
        CopyForm::binary, 5);
    CHECK(setup.value("SELECT count(*) FROM t") == "14249");
    CHECK(setup.list("SELECT kafka_offset FROM sluice.dead_letter WHERE kafka_offset % 20 <> 7") ==
          "4000");
    CHECK(setup.rejected() == "751");
}

/// The rows of a batch that the judge finds, by its queries alone.
std::vector<std::size_t> rows_found(ConstraintJudge& judge, Offset count, CopyForm form,
                                    const MakeRow& make_row) {
    const Batch batch = make_batch(0, count, make_row, form);
    const TargetRows& target = batch.targets[0];
    const EncodedRows& rows = form == CopyForm::text ? target.text : target.binary;
    const auto offenders = judge.judge({rows, form, 0, rows.rows.size(), {}});
    REQUIRE(offenders.has_value());
    std::vector<std::size_t> found;
    for (const Offender& offender : *offenders) found.push_back(offender.row);
    return found;
}

void point_to(const std::string& constraint, ConstraintJudge& judge,
              const std::string& sqlstate = "23514") {
    REQUIRE(judge.suspect(DatabaseError(
        {.sqlstate = sqlstate, .message = "", .context = {}, .constraint = constraint})));
}

TEST_CASE("judge: rows that a rollback brings back into its table judge nothing") {
    for (const CopyForm form : {CopyForm::binary, CopyForm::text}) {
        const SinkSetup setup(
            "id bigint CONSTRAINT few CHECK (id <> 7 AND 1 / (id + 1) >= 0), city text");
        Session session(setup.dsn, "test");
        ConstraintJudge judge(session, qualified(setup.table), {"id", "city"});
        point_to("few", judge);
        Transaction transaction(session);
        const auto one = [](std::int64_t id) {
            return [id](Offset) { return TestRow{id, "city"}; };
        };
        CHECK(rows_found(judge, 3000, form, one(7)).size() == 3000);
        session.run("SAVEPOINT r");
        // So few rows that the others are truncated first; then the CHECK divides by zero.
        CHECK_THROWS_AS(rows_found(judge, 10, form, one(-1)), DatabaseError);
        session.run("ROLLBACK TO SAVEPOINT r");
        const auto plain = [](Offset o) { return TestRow{o, "city"}; };
        CHECK(rows_found(judge, 1000, form, plain) == std::vector<std::size_t>{7});
        // Now a TRUNCATE that stays.
        CHECK(rows_found(judge, 10, form, plain) == std::vector<std::size_t>{7});
    }
}

TEST_CASE("judge: keys are looked up by parameters as from a table, whatever the type") {
    struct Kind {
        const char* columns;
        const char* older;  ///< a row that is there already
        std::vector<std::optional<std::string>> cities;
        std::vector<std::size_t> found;  ///< of these
        const char* before = "SELECT";
    };
    for (const Kind& kind :
         {Kind{"id bigint, city text", "'city'", {"City", "city", std::nullopt}, {1}},
          Kind{"id bigint, city text COLLATE \"C\"", "'city'", {"City", "city"}, {1}},
          Kind{"id bigint, city varchar(4)", "'city'", {"cit", "city  "}, {1}},
          Kind{"id bigint, city char(6)", "'city'", {"cit", "city", "city  "}, {1, 2}},
          Kind{"id bigint, city numeric(4,1)",
               "9.6",
               {numeric({9, 9000}, 1), numeric({9, 6000}, 1), numeric({9, 6100}, 2)},
               {1, 2}},
          Kind{"id bigint, city named",
               "'city'",
               {"City", "city"},
               {1},
               "CREATE DOMAIN named AS text CHECK (VALUE <> 'nobody')"},
          Kind{"id bigint, city colour",
               "'city'",
               {"bad", "city"},
               {1},
               "CREATE TYPE colour AS ENUM ('city', 'bad')"},
          Kind{"\"row\" int, id bigint, city text", "'city'", {"City", "city"}, {1}}}) {
        CAPTURE(std::string(kind.columns));
        SinkSetup setup("id bigint, city text");
        setup.exec(std::string("DROP TABLE t; ") + kind.before + "; CREATE TABLE t (" +
                   kind.columns + ", CONSTRAINT one UNIQUE (id, city)); INSERT INTO t (id, city)" +
                   " SELECT 5, " + kind.older);
        // With no right to a temporary table, it is parameters or an error.
        const std::string dsn = dsn_without_temporary(setup);
        setup.exec("GRANT SELECT ON t TO poor");
        Session session(dsn, "test");
        ConstraintJudge judge(session, qualified(setup.table), {"id", "city"});
        point_to("one", judge, "23505");
        const Transaction transaction(session);
        session.run("SAVEPOINT r");
        const auto count = static_cast<Offset>(kind.cities.size());
        CHECK(rows_found(judge, count, CopyForm::binary, [&](Offset o) {
                  return TestRow{5, kind.cities[static_cast<std::size_t>(o)]};
              }) == kind.found);
        REQUIRE_FALSE(judge.has_staged());
        session.run("ROLLBACK TO SAVEPOINT r");
        CHECK(session.exec("SHOW enable_hashjoin").text(0, 0) == "on");
    }
}

TEST_CASE("judge: what plans look-ups is set back to what the DSN says") {
    const SinkSetup setup("id bigint CONSTRAINT one UNIQUE, city text");
    setup.exec("INSERT INTO t VALUES (5)");
    Session session(setup.dsn + " options='-c enable_nestloop=off -c enable_mergejoin=off'",
                    "test");
    ConstraintJudge judge(session, qualified(setup.table), {"id", "city"});
    point_to("one", judge, "23505");
    const Transaction transaction(session);
    const auto plain = [](Offset o) { return TestRow{o, "city"}; };
    CHECK(rows_found(judge, 10, CopyForm::text, plain) == std::vector<std::size_t>{5});
    REQUIRE(judge.has_staged());
    for (const auto& [name, value] : {std::pair{"enable_nestloop", "off"},
                                      {"enable_mergejoin", "off"},
                                      {"enable_hashjoin", "on"}})
        CHECK(session.exec(std::string("SHOW ") + name).text(0, 0) == value);
}

TEST_CASE("judge: rows that no partition takes are found by who may make no temporary tables") {
    for (const char* const by : {"LIST (city)", "RANGE (id)"}) {
        CAPTURE(std::string(by));
        SinkSetup setup("id bigint, city text");
        setup.exec(std::string("DROP TABLE t; CREATE TABLE t (id bigint, city text)"
                               " PARTITION BY ") +
                   by);
        setup.exec(*by == 'L' ? "CREATE TABLE t_0 PARTITION OF t FOR VALUES IN ('city', NULL)"
                              : "CREATE TABLE t_0 PARTITION OF t FOR VALUES FROM (0) TO (100000)");
        setup.read_table();
        setup.anchor(0, 0);
        CloudberrySink sink =
            setup.sink(config::OnReject::dead_letter, dsn_without_temporary(setup));
        load_batches(setup, sink, [&](Offset o) {
            const bool bad = o % 40 == 7;
            return *by == 'L' ? TestRow{o, bad ? "bad" : "city"} : TestRow{bad ? -o : o, "city"};
        });
        check_split(setup, "o % 40 = 7");
        // COPY would have shown the key.
        CHECK(setup.value("SELECT count(*) > 100 FROM sluice.dead_letter WHERE"
                          " reasons->0->>'reason' LIKE 'no partition of relation t found%row'") ==
              "t");
    }
}

/// As PostgreSQL 18 has pg_constraint, where those called "lax" are not enforced.
std::string dsn_of_18(const SinkSetup& setup) {
    setup.exec(
        "CREATE SCHEMA of_18; CREATE VIEW of_18.pg_constraint AS SELECT *,"
        " conname NOT LIKE 'lax%' AS conenforced FROM pg_catalog.pg_constraint");
    return setup.dsn + " options='-c search_path=of_18,pg_catalog,public'";
}

TEST_CASE("judge: what is not enforced, as PostgreSQL 18 has it, refuses nothing") {
    const SinkSetup setup(
        "id bigint CONSTRAINT lax CHECK (id <> 3) CONSTRAINT strict CHECK (id <> 5), city text");
    setup.exec(
        "CREATE TABLE known (id bigint PRIMARY KEY); INSERT INTO known SELECT generate_series(0, "
        "8);"
        "ALTER TABLE t ADD CONSTRAINT lax_one FOREIGN KEY (id) REFERENCES known,"
        " ADD CONSTRAINT one FOREIGN KEY (id) REFERENCES known");
    const std::string dsn = dsn_of_18(setup);
    const auto plain = [](Offset o) { return TestRow{o, "city"}; };
    for (const auto& [sqlstate, name, found] :
         {std::tuple{"23514", "strict", std::optional<std::size_t>{5}},
          std::tuple{"23514", "lax", std::optional<std::size_t>{5}},
          std::tuple{"23503", "one", std::optional<std::size_t>{9}},
          std::tuple{"23503", "lax_one", std::optional<std::size_t>{9}}}) {
        const std::string constraint = name;  // clang 14 captures no binding
        CAPTURE(constraint);
        Session session(dsn, "test");
        ConstraintJudge judge(session, qualified(setup.table), {"id", "city"});
        point_to(constraint, judge, sqlstate);
        const Transaction transaction(session);
        CHECK(rows_found(judge, 10, CopyForm::binary, plain) == std::vector<std::size_t>{*found});
    }
    setup.exec("ALTER TABLE t DROP CONSTRAINT strict, DROP CONSTRAINT one");
    for (const char* const sqlstate : {"23514", "23503"}) {
        Session session(dsn, "test");
        ConstraintJudge judge(session, qualified(setup.table), {"id", "city"});
        point_to("lax", judge, sqlstate);
        const Transaction transaction(session);
        const Batch batch = make_batch(0, 10, plain);
        const EncodedRows& rows = batch.targets[0].binary;
        CHECK_FALSE(judge.judge({rows, CopyForm::binary, 0, rows.rows.size(), {}}).has_value());
    }
}

TEST_CASE("judge: a column's collation that changes is learnt, though its CHECK reads the same") {
    const SinkSetup setup(
        "id bigint, city text COLLATE \"en-x-icu\" CONSTRAINT low CHECK (city < 'b')");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    const MakeRow make_row = [](Offset o) { return TestRow{o, o % 20 == 7 ? "B" : "a"}; };
    load_batches(setup, sink, make_row, CopyForm::binary, 2);
    CHECK(std::stoi(judged(setup)) > 100);
    const std::string before = setup.rejected();
    setup.exec("ALTER TABLE t ALTER city TYPE text COLLATE \"C\"");
    Batch batch = make_batch(6000, 9000, make_row);
    CHECK(retry_reason(sink.commit(batch)).find("have just changed") != std::string::npos);
    REQUIRE(committed(sink.commit(batch)));
    CHECK(setup.rejected() == before);
}

TEST_CASE("judge: parameters are few megabytes at a time") {
    const SinkSetup setup("id bigint, city text CONSTRAINT few CHECK (length(city) <> 20007)");
    Session session(setup.dsn, "test");
    ConstraintJudge judge(session, qualified(setup.table), {"id", "city"});
    point_to("few", judge);
    const Transaction transaction(session);
    const auto found = rows_found(judge, 1000, CopyForm::binary, [](Offset o) {
        return TestRow{o, std::string(static_cast<std::size_t>(20000 + o % 100), 'x')};
    });
    CHECK(found == std::vector<std::size_t>{7, 107, 207, 307, 407, 507, 607, 707, 807, 907});
}

TEST_CASE("judge: rows that a trigger puts right are loaded") {
    const SinkSetup setup("id bigint CONSTRAINT few CHECK (id % 20 <> 7), city text");
    setup.add_trigger("BEFORE INSERT ON t FOR EACH ROW",
                      "IF NEW.city = 'mend' THEN NEW.id := 0; END IF; RETURN NEW;");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    load_batches(setup, sink, [](Offset o) { return TestRow{o, o % 40 == 7 ? "mend" : "city"}; });
    check_split(setup, "o % 40 = 27");
}

TEST_CASE("judge: it also works, as slowly as before, without its rights") {
    const SinkSetup setup("id bigint UNIQUE, city text CHECK (city <> 'bad')");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink(config::OnReject::dead_letter, dsn_without_temporary(setup));
    load_batches(
        setup, sink,
        [](Offset o) {
            return TestRow{o % 50 == 9 ? o - 1 : o, o % 60 == 1 ? "bad" : "city"};
        },
        CopyForm::text);
    check_split(setup, "o % 60 = 1 OR (o % 50 = 9 AND (o - 1) % 60 <> 1)");
    CHECK(judged(setup) == "0");
}

TEST_CASE("judge: many refusals by what it does not know, and an expression that fails") {
    const SinkSetup setup("id bigint CONSTRAINT odd CHECK (1000 / (id % 500) <> 77), city text");
    setup.add_trigger(
        "AFTER INSERT ON t FOR EACH ROW",
        "IF NEW.city = 'bad' THEN RAISE EXCEPTION 'no such city'; END IF; RETURN NULL;");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    load_batches(setup, sink, [](Offset o) {
        return TestRow{o % 40 == 3 ? 13 : o, o % 60 == 1 ? "bad" : "city"};
    });
    // 1000 / 12 = 83, 1000 / 13 = 76; by zero at every 500th.
    check_split(setup, "o % 60 = 1 OR (o % 500 = 0 AND o % 40 <> 3)");
}

}  // namespace
}  // namespace sluice::test
