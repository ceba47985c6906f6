#include "pipeline/errors.h"
#include "sinks/catalogue/catalogue.h"
#include "tests/component/sink_setup.h"
#include "tests/fakes/partitions.h"

#include <doctest/doctest.h>

#include <set>

namespace sluice::test {
namespace {

constexpr std::size_t many = 3000;

/// Rows 0 to many, ids as offsets, save those that `bad` replaces.
std::vector<TestRow> rows_with(const std::set<Offset>& bad, const TestRow& replacement) {
    std::vector<TestRow> rows = plain_rows(0, many);
    for (const Offset offset : bad) rows[static_cast<std::size_t>(offset)] = replacement;
    return rows;
}

std::string rejected_offsets(const SinkSetup& setup) {
    return setup.list("SELECT kafka_offset FROM sluice.dead_letter ORDER BY 1");
}

/// All rows but the refused ones are there, and the sums say so.
void check_sums(const SinkSetup& setup, std::size_t refused) {
    CHECK(setup.value("SELECT count(*) FROM t") == std::to_string(many - refused));
    CHECK(setup.list("SELECT loaded, rejected, to_offset - from_offset FROM sluice.ledger") ==
          std::to_string(many - refused) + "|" + std::to_string(refused) + "|" +
              std::to_string(many));
    CHECK(setup.next(0) == many);
}

const std::set<Offset> here_and_there = {0, 1, 500, 501, 1234, 2999};
constexpr const char* here_and_there_text = "0 1 500 501 1234 2999";

TEST_CASE("isolation: CHECK violations become rejects with their reason, in both forms") {
    for (const CopyForm form : {CopyForm::binary, CopyForm::text}) {
        const SinkSetup setup("id bigint CONSTRAINT positive CHECK (id >= 0), city text");
        setup.anchor(0, 0);
        CloudberrySink sink = setup.sink();
        Batch batch;
        add_rows(batch, 0, 0, rows_with(here_and_there, {-1, "bad"}), form);
        REQUIRE(committed(sink.commit(batch)));
        CHECK(rejected_offsets(setup) == here_and_there_text);
        CHECK(setup.value("SELECT reasons->0->>'reason' FROM sluice.dead_letter LIMIT 1")
                  .find("positive") != std::string::npos);
        check_sums(setup, 6);
    }
}

TEST_CASE("isolation: duplicates in the batch and with older rows") {
    const SinkSetup setup("id bigint PRIMARY KEY, city text");
    setup.exec("INSERT INTO t VALUES (100, 'older'); DELETE FROM t WHERE id < 0");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    Batch batch;
    std::vector<TestRow> rows = plain_rows(0, many);
    rows[7].id = 3;
    rows[2000].id = 1999;
    rows[2500].id = 5;
    add_rows(batch, 0, 0, rows);
    REQUIRE(committed(sink.commit(batch)));
    CHECK(rejected_offsets(setup) == "7 100 2000 2500");
    CHECK(setup.value("SELECT count(*) FROM t") == std::to_string(many - 4 + 1));
}

TEST_CASE("isolation: text that a type does not take, and NOT NULL, name the column") {
    const SinkSetup setup("id bigint, city text NOT NULL, d int2 DEFAULT 0");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    Batch batch;
    add_rows(batch, 0, 0, rows_with({5, 900}, {1, std::nullopt}), CopyForm::text);
    // A value that only the database's parser can judge.
    add_rows(batch, 1, 0, plain_rows(0, 2), CopyForm::text);
    setup.anchor(1, 0);
    batch.targets[0].text.bytes += "no-number\tcity\n";
    const std::string value = "{}";
    Record record;
    record.from = fakes::orders(1);
    record.offset = 2;
    record.value = value;
    batch.targets[0].text.rows.push_back(
        {.record = batch.records.append(record), .end = batch.targets[0].text.bytes.size()});
    Slice& slice = batch.slice(1, 0);
    slice.range.to = 3;
    ++slice.loaded;
    REQUIRE(committed(sink.commit(batch)));
    CHECK(setup.list("SELECT kafka_partition, kafka_offset, reasons->0->>'column'"
                     " FROM sluice.dead_letter ORDER BY 1, 2") == "0|5|city 0|900|city 1|2|id");
}

void note_transactions(const SinkSetup& setup) {
    setup.exec(
        "CREATE TABLE transactions (number text);"
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO"
        " public.transactions VALUES (txid_current() % (2::bigint ^ 32)::bigint); RETURN NULL; END"
        " $$; CREATE TRIGGER note AFTER INSERT ON sluice.ledger EXECUTE FUNCTION note()");
}

/// What a transaction's savepoints wrote has other numbers.
std::string behind_savepoints(const SinkSetup& setup) {
    return setup.value(
        "SELECT count(*) FROM (SELECT xmin FROM t UNION ALL SELECT xmin FROM sluice.ledger UNION"
        " ALL SELECT xmin FROM sluice.dead_letter) w WHERE xmin::text NOT IN (SELECT number FROM"
        " transactions)");
}

TEST_CASE(
    "isolation: on Greenplum no row is left behind a savepoint, where readers would lose it") {
    const SinkSetup setup("id bigint CONSTRAINT positive CHECK (id >= 0), city text");
    setup.add_trigger("BEFORE INSERT ON t FOR EACH ROW",
                      "IF NEW.city = 'bad' THEN RAISE EXCEPTION 'no such city'; END IF; RETURN "
                      "NEW;");
    note_transactions(setup);
    setup.call_it_mpp();
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    for (int time = 0; time < 2; ++time) {  // refusals are found, and then expected
        Batch batch;
        std::vector<TestRow> rows = rows_with(here_and_there, {1, "bad"});
        rows[1700].id = -1;
        add_rows(batch, 0, time * many, rows);
        REQUIRE(committed(sink.commit(batch)));
        CHECK(batch.slice(0, time * many).loaded == many - 7);
        CHECK(behind_savepoints(setup) == "0");
        CHECK(setup.value("SELECT count(*) FROM t") == std::to_string((time + 1) * (many - 7)));
        CHECK(setup.rejected() == std::to_string((time + 1) * 7));
    }
    CHECK(setup.next(0) == 2 * many);
}

TEST_CASE("isolation: nor where values that cannot be read are all that is refused") {
    SinkSetup setup("id bigint, city text");
    setup.exec(
        "CREATE TYPE colour AS ENUM ('city'); ALTER TABLE t ALTER city TYPE colour USING NULL");
    setup.read_table();
    note_transactions(setup);
    setup.call_it_mpp();
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    for (int time = 0; time < 3; ++time) {
        Batch batch;
        add_rows(batch, 0, time * many, rows_with(here_and_there, {1, "Atlantis"}));
        REQUIRE(committed(sink.commit(batch)));
    }
    CHECK(behind_savepoints(setup) == "0");
    CHECK(setup.value("SELECT count(*) FROM t") == std::to_string(3 * (many - 6)));
    CHECK(setup.rejected() == "18");
}

TEST_CASE("isolation: a trigger that raises, and one that skips") {
    const SinkSetup setup("id bigint, city text");
    setup.add_trigger("BEFORE INSERT ON t FOR EACH ROW",
                      "IF NEW.city = 'bad' THEN RAISE EXCEPTION 'no such city'; END IF;"
                      " IF NEW.city = 'skip' THEN RETURN NULL; END IF; RETURN NEW;");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    Batch batch;
    std::vector<TestRow> rows = rows_with(here_and_there, {1, "bad"});
    rows[10].city = "skip";
    rows[1300].city = "skip";
    add_rows(batch, 0, 0, rows);
    REQUIRE(committed(sink.commit(batch)));
    CHECK(rejected_offsets(setup) == here_and_there_text);
    CHECK(setup.value("SELECT count(*) FROM t") == std::to_string(many - 6 - 2));
    CHECK(setup.value("SELECT loaded FROM sluice.ledger") == std::to_string(many - 6));
}

TEST_CASE("isolation: constraints without a line number, at once or deferred to COMMIT") {
    for (const std::string when : {"NOT DEFERRABLE", "DEFERRABLE INITIALLY DEFERRED"}) {
        const SinkSetup setup("id bigint, city text");
        setup.exec(
            "CREATE TABLE cities (name text PRIMARY KEY); INSERT INTO cities VALUES ('city');"
            "ALTER TABLE t ADD FOREIGN KEY (city) REFERENCES cities " +
            when);
        setup.anchor(0, 0);
        CloudberrySink sink = setup.sink();
        Batch batch;
        add_rows(batch, 0, 0, rows_with(here_and_there, {1, "Atlantis"}));
        REQUIRE(committed(sink.commit(batch)));
        CHECK(rejected_offsets(setup) == here_and_there_text);
        check_sums(setup, 6);
    }
}

TEST_CASE("isolation: a deferred unique constraint") {
    const SinkSetup setup("id bigint, city text, UNIQUE (id) DEFERRABLE INITIALLY DEFERRED");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    Batch batch;
    add_rows(batch, 0, 0, rows_with({700, 1400}, {3, "again"}));
    REQUIRE(committed(sink.commit(batch)));
    check_sums(setup, 2);
}

TEST_CASE("isolation: a table that refuses everything is not the rows' fault") {
    const SinkSetup setup("id bigint, city text");
    setup.add_trigger("BEFORE INSERT ON t FOR EACH STATEMENT",
                      "RAISE EXCEPTION 'closed for the audit';", "closed");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    Batch batch;
    add_rows(batch, 0, 0, plain_rows(0, 100));
    CHECK(retry_reason(sink.commit(batch)).find("closed for the audit") != std::string::npos);
    CHECK(setup.value("SELECT count(*) FROM sluice.dead_letter") == "0");
    setup.exec("DROP TRIGGER closed ON t");
    CHECK(committed(sink.commit(batch)));
    CHECK(setup.value("SELECT count(*) FROM t") == "100");
}

TEST_CASE("isolation: a statement that fails though every row alone is fine still loads") {
    const SinkSetup setup("id bigint, city text");
    setup.add_trigger("AFTER INSERT ON t REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT",
                      "IF (SELECT count(*) FROM fresh) > 10 THEN RAISE EXCEPTION 'too many at"
                      " once'; END IF; RETURN NULL;");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    Batch batch;
    add_rows(batch, 0, 0, plain_rows(0, many));
    REQUIRE(committed(sink.commit(batch)));
    check_sums(setup, 0);
}

TEST_CASE("isolation: on_invalid = null loads NULL where the database cannot read a value") {
    const SinkSetup setup("id bigint, city text CHECK (city <> 'bad')");
    setup.exec(
        "CREATE TYPE colour AS ENUM ('red', 'blue');"
        "CREATE DOMAIN span_given AS interval NOT NULL;"
        "DROP TABLE t; CREATE TABLE t (id bigint, city colour, span interval, list int[], must "
        "span_given,"
        " CHECK (id <> 7))");
    setup.anchor(0, 0);
    Session session(setup.dsn, "test");
    CloudberrySink sink(
        {.dsn = setup.dsn,
         .identity = setup.identity,
         .loader = copy_loader(read_table(session, "t"), {"id", "city", "span", "list", "must"},
                               config::OnInvalid::null)});
    Batch batch;
    add_rows(batch, 0, 0, plain_rows(0, 100), CopyForm::text);
    batch.targets[0].text.bytes.clear();
    for (std::size_t i = 0; i < 100; ++i) {
        std::string line = std::to_string(i) + "\tred\t1 day\t{1,2}\t1 hour\n";
        if (i == 20) line = "20\tgreen\t1 day\t{1,2}\t1 hour\n";
        if (i == 40) line = "40\tgreen\tlong\t{1,x}\t1 hour\n";
        if (i == 60) line = "60\tblue\t1 day\t{1,2}\tlong\n";
        if (i == 80) line = "80\tgreen\t1 day\t{1,2}\tlong\n";
        batch.targets[0].text.bytes += line;
        batch.targets[0].text.rows[i].end = batch.targets[0].text.bytes.size();
    }
    REQUIRE(committed(sink.commit(batch)));
    CHECK(setup.list("SELECT id, city, span, list FROM t WHERE city IS DISTINCT FROM 'red'"
                     " ORDER BY id") == "20|NULL|1 day|{1,2} 40|NULL|NULL|NULL");
    CHECK(rejected_offsets(setup) == "7 60 80");
    // Not for the colour, which would have become NULL.
    CHECK(
        setup.list("SELECT reasons->0->>'column' FROM sluice.dead_letter WHERE kafka_offset > 7") ==
        "must must");
    CHECK(setup.value("SELECT loaded FROM sluice.ledger") == "97");
}

TEST_CASE("isolation: rows that another writer loaded fence the batch instead of being rejected") {
    const SinkSetup setup("id bigint PRIMARY KEY, city text");
    setup.anchor(0, 0);
    CloudberrySink first = setup.sink();
    CloudberrySink second = setup.sink(config::OnReject::stop);
    Batch batch;
    add_rows(batch, 0, 0, plain_rows(0, many));
    Batch same;
    add_rows(same, 0, 0, plain_rows(0, many));
    REQUIRE(committed(first.commit(batch)));
    CHECK(fenced(second.commit(same)) == "0");
    CHECK(setup.value("SELECT count(*) FROM sluice.dead_letter") == "0");
}

TEST_CASE("isolation: who expects refusals is fenced by another writer, and rejects nothing") {
    const SinkSetup setup("id bigint PRIMARY KEY, city text CHECK (city <> 'bad')");
    setup.anchor(0, 0);
    const MakeRow some_bad = [](Offset o) { return TestRow{o, o % 100 == 7 ? "bad" : "city"}; };
    CloudberrySink first = setup.sink();
    load_batches(setup, first, some_bad);
    CloudberrySink second = setup.sink();
    load_batches(setup, second, some_bad, CopyForm::binary, 1);
    const std::string rejected = setup.rejected();
    Batch same = make_batch(9000, 12000, some_bad);
    CHECK(fenced(first.commit(same)) == "0");
    CHECK(setup.rejected() == rejected);
    CHECK(setup.value("SELECT count(*) FROM t") == std::to_string(12000 * 99 / 100));
    load_batches(setup, first, some_bad, CopyForm::binary, 1);
}

TEST_CASE("isolation: progress that moves while rows are found to be bad fences the batch") {
    const SinkSetup setup("id bigint CHECK (id >= 0), city text");
    setup.anchor(0, 0);
    setup.add_trigger(
        "BEFORE INSERT ON t FOR EACH ROW",
        "IF NEW.id = 50 THEN INSERT INTO sluice.ledger VALUES ('p', 'c', 'orders', 0,"
        " 0, 0, 1000, 1000, 0, 0, 0, 0, 'batch', 'other', 'r', now(), 0, 0, -1, -1, 0)"
        " ON CONFLICT DO NOTHING;"
        " END IF; RETURN NEW;");
    CloudberrySink sink = setup.sink();
    Batch batch;
    std::vector<TestRow> rows = plain_rows(0, 100);
    rows[70].id = -1;
    add_rows(batch, 0, 0, rows);
    CHECK(fenced(sink.commit(batch)) == "0");
    CHECK(setup.value("SELECT count(*) FROM t") == "0");
    CHECK(setup.value("SELECT count(*) FROM sluice.dead_letter") == "0");
    CHECK(setup.value("SELECT count(*) FROM sluice.ledger") == "0");
    CHECK(setup.next(0) == 0);
}

TEST_CASE(
    "isolation: on_reject = stop commits what precedes, and other partitions, then names it") {
    const SinkSetup setup("id bigint CHECK (id >= 0), city text");
    for (const PartitionId partition : {0, 1, 2}) setup.anchor(partition, 0);
    CloudberrySink sink = setup.sink(config::OnReject::stop);
    Batch batch;
    std::vector<TestRow> rows = plain_rows(0, 100);
    rows[70].id = -1;
    rows[90].id = -1;
    add_rows(batch, 0, 0, rows);
    add_rows(batch, 1, 0, plain_rows(100, 100));
    batch.slice(1, 0).range.to = 105;
    batch.slice(1, 0).gaps = 5;
    rows = plain_rows(200, 100);
    rows[0].id = -1;
    add_rows(batch, 2, 0, rows, CopyForm::text);
    CHECK(std::get<Committed>(sink.commit(batch)).stop.starts_with("orders[0]@70: new row"));
    CHECK(setup.list("SELECT kafka_partition, next_offset, last_offset FROM sluice.progress"
                     " ORDER BY 1") == "0|70|69 1|105|99 2|0|-1");
    CHECK(setup.list("SELECT kafka_partition, from_offset, to_offset, loaded, gaps FROM"
                     " sluice.ledger ORDER BY 1") == "0|0|70|70|0 1|0|105|100|5");
    CHECK(setup.value("SELECT count(*) FROM t") == "170");
    CHECK(setup.value("SELECT count(*) FROM sluice.dead_letter") == "0");

    Batch next;
    rows = plain_rows(70, 30);
    rows[0].id = -1;
    add_rows(next, 0, 70, rows);
    CHECK_FALSE(std::get<Committed>(sink.commit(next)).stop.empty());
    CHECK(setup.next(0) == 70);
}

TEST_CASE("isolation: an altered table is not the rows' fault") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    setup.exec("ALTER TABLE t ALTER id TYPE int");
    Batch batch;
    add_rows(batch, 0, 0, plain_rows(0, 20));
    CHECK_THROWS_AS(static_cast<void>(sink.commit(batch)), TroubleOfTheWorld);
    CHECK(setup.value("SELECT count(*) FROM sluice.dead_letter") == "0");
}

TEST_CASE("sink: another type of the same size is noticed before its bytes are taken for a value") {
    SinkSetup setup("id bigint, city text");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    Batch first;
    add_rows(first, 0, 0, plain_rows(0, 3));
    REQUIRE(committed(sink.commit(first)));
    setup.exec("alter table t alter id type double precision");
    Batch second;
    add_rows(second, 0, 3, plain_rows(3, 3));
    CHECK_THROWS_WITH_AS(static_cast<void>(sink.commit(second)),
                         doctest::Contains("column \"id\" has changed"), TroubleOfTheWorld);
    CHECK(setup.value("select count(*) from t") == "3");
    CHECK(setup.next(0) == 3);
}

TEST_CASE("sink: a session in another time zone loads no time that was encoded for UTC") {
    SinkSetup setup("id bigint, city text");
    setup.exec("ALTER DATABASE sinks SET timezone = 'Etc/UTC'");
    setup.read_table();
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    const auto load = [&](Offset from) {
        Batch batch;
        add_rows(batch, 0, from, plain_rows(from, 10));
        return sink.commit(batch);
    };
    REQUIRE(committed(load(0)));
    setup.exec("ALTER DATABASE sinks SET timezone = 'Europe/Berlin'");
    REQUIRE(committed(load(10)));  // what a session has begun with stays
    setup.exec(
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
        " WHERE application_name = 'sluice/p' AND datname = current_database()");
    REQUIRE(!retry_reason(load(20)).empty());
    CHECK_THROWS_WITH_AS(static_cast<void>(load(20)),
                         doctest::Contains("it was UTC and is Europe/Berlin"), TroubleOfTheWorld);
    CHECK(setup.next(0) == 20);
    setup.read_table();
    CloudberrySink anew = setup.sink();
    Batch batch;
    add_rows(batch, 0, 20, plain_rows(20, 10));
    CHECK(committed(anew.commit(batch)));
}

TEST_CASE("isolation: every row refused, batch after batch") {
    const SinkSetup setup("id bigint CHECK (id < 0), city text");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    for (Offset from = 0; from < 600; from += 200) {
        Batch batch;
        add_rows(batch, 0, from, plain_rows(from, 200));
        REQUIRE(committed(sink.commit(batch)));
    }
    CHECK(setup.value("SELECT count(*) FROM sluice.dead_letter") == "600");
    CHECK(setup.value("SELECT sum(rejected) FROM sluice.ledger") == "600");
    CHECK(setup.next(0) == 600);
}

}  // namespace
}  // namespace sluice::test
