#include "config/load.h"
#include "pipeline/errors.h"
#include "pipeline/mapping/row_mapper.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/dead_letters/dead_letter_loader.h"
#include "sinks/load/make_loader.h"
#include "sinks/load/sql/check_sql.h"
#include "tests/component/sink_setup.h"

#include <doctest/doctest.h>

#include <optional>

/// SQL over what records hold, judged by a database.
namespace sluice::test {
namespace {

config::Ingest ingest_of(const std::string& keys) {
    const auto loaded = config::parse(
        "[kafka]\nbrokers = 'b:1'\n[cloudberry]\ndsn = 'dbname=d'\n"
        "[ingest.p]\ntopic = 't'\ntable = 't'\n" +
            keys,
        "sluice.toml");
    for (const config::Problem& problem : loaded.problems) FAIL(to_string(problem));
    return loaded.config.ingest.front();
}

/// A pipeline's records of partition 0 into t.
class Loading {
public:
    Loading(const std::string& columns, const std::string& keys)
        : setup(columns), ingest(ingest_of(keys)), session(setup.dsn, "test") {
        setup.anchor(0, 0);
        table = read_target(session, ingest);
        mapper.emplace(ingest, table);
        sink.emplace(CloudberrySinkOptions{
            .dsn = setup.dsn,
            .identity = setup.identity,
            .loader = make_loader(ingest, table, *mapper, "sluice"),
        });
    }

    void add(const std::optional<std::string>& value, const std::string& key = "") {
        Slice& slice = batch.slice(0, next);
        const Record record{.offset = next, .key = key, .value = value, .headers = {}};
        const auto outcome = mapper->map(batch.records.append(record), batch);
        ++(outcome == RowMapper::Outcome::row        ? slice.loaded
           : outcome == RowMapper::Outcome::filtered ? slice.filtered
                                                     : slice.rejected);
        slice.range.to = ++next;
        slice.last = identify(record);
    }
    void commit() {
        const CommitResult result = sink->commit(batch);
        CHECK(retry_reason(result) == "");
        REQUIRE(committed(result));
        batch.clear();
    }
    [[nodiscard]] std::string rows(const std::string& what) const {
        return setup.list("SELECT " + what + " FROM t ORDER BY id");
    }
    /// loaded, superseded, filtered, rejected.
    [[nodiscard]] std::string sums() const {
        return setup.list(
            "SELECT sum(loaded), sum(superseded), sum(filtered), sum(rejected) FROM sluice.ledger");
    }
    [[nodiscard]] std::string reasons() const {
        return setup.list(
            "SELECT kafka_offset, concat_ws(': ', reasons->0->>'column', reasons->0->>'reason')"
            " FROM sluice.dead_letter ORDER BY 1");
    }
    [[nodiscard]] CheckedSql checked() { return check_sql(session, "p", ingest, table); }

    SinkSetup setup;
    config::Ingest ingest;
    Session session;
    Table table;
    std::optional<RowMapper> mapper;
    std::optional<CloudberrySink> sink;
    Batch batch;
    Offset next = 0;
};

const std::string bill = "id bigint, city text, total numeric, at date";
const std::string billing = R"toml(
where = "price is not null -- or free"
[ingest.p.fields]
price = { from = "/item/price", type = "numeric(10,2)" }
qty = { from = "qty", type = "int" }
ms = { from = "ms", type = "timestamptz", as = "epoch_ms" }
[ingest.p.columns]
id = "id"
city = { sql = "upper(record.city)" }
total = { sql = "price * 60 / qty" }
at = { sql = "'2026-01-02'" }
[ingest.p.fields.city]
from = "city"
)toml";

}  // namespace

TEST_CASE("sql: columns are what expressions make of typed fields, and where leaves rows out") {
    Loading bills(bill, billing);
    CHECK(bills.checked().findings.empty());
    CHECK(bills.checked().types == R"("city" is text, "total" is numeric, "at" is text)");
    bills.add(R"({"id":1,"city":"wien","item":{"price":"2.50"},"qty":3})");
    bills.add(R"({"id":2,"city":"graz","item":{"price":null},"qty":0})");
    bills.add(R"({"id":3,"city":"linz","item":{"price":1.005},"qty":6})");
    bills.add(R"({"id":4,"city":"bonn","item":{"price":1},"qty":"many"})");
    bills.commit();
    CHECK(bills.rows("id, city, round(total, 2), at") ==
          "1|WIEN|50.00|2026-01-02 3|LINZ|10.10|2026-01-02");
    CHECK(bills.sums() == "2|0|1|1");
}

TEST_CASE("sql: an expression that fails for a row is that row's reject, in the database's words") {
    Loading bills(bill, billing);
    for (int id = 0; id < 300; ++id)
        bills.add(R"({"id":)" + std::to_string(id) + R"(,"item":{"price":1},"qty":)" +
                  (id % 97 == 50 ? "0}" : "1}"));
    bills.commit();
    CHECK(bills.setup.value("SELECT count(*) FROM t WHERE total = 60") == "297");
    CHECK(bills.reasons() == "50|division by zero 147|division by zero 244|division by zero");
    CHECK(bills.sums() == "297|0|0|3");
    bills.add(R"({"id":300,"item":{"price":1},"qty":0})");
    bills.add(R"({"id":301,"item":{"price":1},"qty":1})");
    bills.commit();
    CHECK(bills.sums() == "298|0|0|4");
}

TEST_CASE("sql: a row that where cannot judge is a reject, and the target's refusals are") {
    Loading bills("id bigint, city text, n int CHECK (n < 9)", R"toml(
where = "10 / n > 1"
columns = { id = "id", n = "n" }
)toml");
    for (const char* n : {"1", "0", "7", "null", "-5", "2"})
        bills.add(std::string(R"({"id":)") + n + R"(,"n":)" + n + "}");
    bills.commit();
    CHECK(bills.rows("id, n") == "1|1 2|2");
    CHECK(bills.reasons() == "1|division by zero");
    bills.add(R"({"id":5,"n":5})");
    bills.add(R"({"id":10,"n":-10})");
    bills.commit();
    CHECK(bills.sums() == "3|0|4|1");

    Loading picky("id bigint, city text, n int CHECK (n < 9)",
                  "columns = { id = 'id', n = { sql = 'id * 2' } }\n");
    for (const char* id : {"3", "5", "4"}) picky.add(std::string(R"({"id":)") + id + "}");
    picky.commit();
    CHECK(picky.rows("id, n") == "3|6 4|8");
    CHECK(picky.sums() == "2|0|0|1");
}

TEST_CASE("sql: many rows that break CHECKs are found at once, as the table would have them") {
    Loading bills(
        "id bigint CHECK (id % 30 <> 7), city varchar(8) CONSTRAINT \"is known\" CHECK (city <>"
        " 'Atlantis'), n int CHECK (1000 / n < 900 AND n <> 2)",
        R"toml(
columns = { id = "id", city = { sql = "name || 's'" }, n = { sql = "half + 0.5" } }
fields = { name = { from = "name", type = "text" }, half = { from = "half", type = "numeric" } }
)toml");
    bills.setup.exec("CREATE SEQUENCE inserts MINVALUE 0");
    bills.setup.add_trigger("BEFORE INSERT ON t", "PERFORM nextval('inserts'); RETURN NULL;");
    constexpr int count = 3000;
    for (int batch = 0; batch < 2; ++batch) {
        for (int i = 0; i < count; ++i) {
            const int id = batch * count + i;
            bills.add(R"({"id":)" + std::to_string(id) + R"(,"name":")" +
                      (id % 40 == 3 ? "Atlanti" : "Ulm") + R"(","half":)" +
                      (id % 50 == 1 ? "1.1"
                       : id == 2000 ? "-0.5"
                                    : "2.1") +
                      "}");
        }
        bills.add(R"({"id":0,"name":"Atlantis and more","half":3})");
        bills.commit();
        if (batch == 0) bills.setup.exec("ALTER SEQUENCE inserts RESTART");
    }
    CHECK(bills.setup.value("SELECT count(*) FROM generate_series(0, 5999) o WHERE (o % 30 = 7 OR"
                            " o % 40 = 3 OR o % 50 = 1 OR o = 2000) ="
                            " EXISTS (SELECT 1 FROM t WHERE id = o)") == "0");
    CHECK(bills.setup.list("SELECT reasons->0->>'reason', count(*) FROM sluice.dead_letter WHERE"
                           " reasons->0->>'reason' NOT LIKE '%check constraint%' GROUP BY 1"
                           " ORDER BY 1") ==
          "division by zero|1 value too long for type character varying(8)|1");
    CHECK(std::stoi(bills.setup.value("SELECT last_value FROM inserts")) < 60);
}

TEST_CASE("sql: a CHECK is asked of what the column makes of a value") {
    Loading names("id bigint, city varchar(3) CHECK (city IN ('Ulm', 'Hof'))",
                  "columns = { id = 'id', city = { sql = 'name' } }\n"
                  "fields = { name = { from = 'name', type = 'text' } }\n");
    for (int batch = 0; batch < 2; ++batch) {
        names.add(R"({"id":1,"name":"Ulm  "})");  // blanks that are too many are cut
        for (int id = 2; id < 50; ++id)
            names.add(R"({"id":)" + std::to_string(id) + R"(,"name":"Bonn"})");
        names.commit();
    }
    CHECK(names.rows("id, city") == "1|Ulm 1|Ulm");
    CHECK(names.sums() == "2|0|0|96");
}

TEST_CASE("sql: of an exploded record some rows are left out; without any it is filtered") {
    Loading items("id bigint, city text", R"toml(
explode = "/items"
where = "id > 10"
columns = { id = "/items/id", city = { sql = "'x' || id" } }
)toml");
    items.add(R"({"items":[{"id":5},{"id":11},{"id":12}]})");
    items.add(R"({"items":[{"id":1},{"id":2}]})");
    items.commit();
    CHECK(items.rows("id, city") == "11|x11 12|x12");
    CHECK(items.sums() == "1|0|1|0");
}

namespace {
const std::string merged = "id bigint PRIMARY KEY, city text, n int, twice int CHECK (twice < 100)";
const std::string merging = R"toml(
mode = "merge"
delete_when = "@tombstone"
where = "n is not null"
columns = { id = "@key", city = "city", n = "n", twice = { sql = "n * 2" } }
)toml";
}  // namespace

TEST_CASE("sql: a filter does not judge a removal by what its event need not bring") {
    Loading rows("id bigint PRIMARY KEY, city text", R"toml(
mode = "merge"
envelope = "debezium"
filter = "city = 'a' and \"@source/table\" = 't'"
columns = { id = "id", city = "city" }
)toml");
    const auto event = [](const std::string& op, const std::string& row, const std::string& table) {
        return R"({"op":")" + op + R"(",)" + row + R"(,"source":{"table":")" + table + R"("}})";
    };
    for (const char* id : {"1", "2", "3"})
        rows.add(event("c", R"("after":{"id":)" + std::string(id) + R"(,"city":"a"})", "t"));
    rows.add(event("c", R"("after":{"id":4,"city":"b"})", "t"));
    rows.commit();
    CHECK(rows.rows("id, city") == "1|a 2|a 3|a");
    rows.add(event("d", R"("before":{"id":1},"after":null)", "t"));
    rows.add(event("d", R"("before":{"id":2,"city":null},"after":null)", "t"));
    rows.add(event("d", R"("before":{"id":3,"city":"a"},"after":null)", "of others"));
    rows.commit();
    CHECK(rows.rows("id, city") == "3|a");
    CHECK(rows.sums() == "5|0|2|0");
}

TEST_CASE("sql: where is judged of every change, before the last one of a key is chosen") {
    Loading rows(merged, merging);
    rows.add(R"({"city":"a","n":1})", "1");
    rows.add(R"({"city":"b","n":null})", "1");
    rows.add(R"({"city":"c","n":2})", "2");
    rows.add(R"({"city":"d","n":3})", "2");
    rows.add(R"({"city":"e"})", "3");
    rows.add(R"({"city":"f","n":4})", "4");
    rows.commit();
    CHECK(rows.rows("id, city, twice") == "1|a|2 2|d|6 4|f|8");
    CHECK(rows.sums() == "3|1|2|0");
    rows.add(std::nullopt, "4");
    rows.add(R"({"n":5})", "2");
    rows.commit();
    CHECK(rows.rows("id, city, twice") == "1|a|2 2|NULL|10");
}

TEST_CASE("sql: a change whose expression fails leaves its row as the change before it says") {
    Loading rows("id bigint PRIMARY KEY, city text, n int, part int CHECK (part < 100)", R"toml(
mode = "merge"
delete_when = "@tombstone"
where = "100 / (n - 7) < 1000"
columns = { id = "@key", n = "n", part = { sql = "100 / n" } }
)toml");
    rows.add(R"({"n":2})", "1");
    rows.add(R"({"n":0})", "1");
    rows.add(R"({"n":0})", "2");
    rows.add(R"({"n":1})", "3");  // breaks the table's own constraint
    rows.add(R"({"n":4})", "4");
    rows.add(R"({"n":7})", "4");
    rows.add(std::nullopt, "5");
    rows.commit();
    CHECK(rows.rows("id, n, part") == "1|2|50 4|4|25");
    CHECK(rows.sums() == "3|0|0|4");
}

TEST_CASE("sql: what is computed from values that a change leaves alone stays as it is") {
    Loading rows("id bigint PRIMARY KEY, city text, big text, size int", R"toml(
mode = "merge"
envelope = "debezium"
[ingest.p.columns]
id = "id"
city = "city"
big = "big"
size = { sql = "length(big)" }
)toml");
    const auto event = [](const std::string& big, const std::string& city) {
        return R"({"op":"u","after":{"id":1,"city":")" + city + R"(","big":")" + big + R"("}})";
    };
    rows.add(event("abc", "a"));
    rows.commit();
    rows.add(event("__debezium_unavailable_value", "b"));
    rows.commit();
    CHECK(rows.rows("id, city, big, size") == "1|b|abc|3");
    rows.add(event("abcd", "c"));
    rows.add(event("__debezium_unavailable_value", "d"));
    rows.commit();
    CHECK(rows.rows("id, city, big, size") == "1|d|abcd|4");

    Loading mixed("id bigint PRIMARY KEY, city text, big text", R"toml(
mode = "merge"
envelope = "debezium"
[ingest.p.fields]
big = "big"
[ingest.p.columns]
id = "id"
city = "city"
big = { sql = "city || big" }
)toml");
    mixed.add(event("abc", "a"));
    mixed.add(event("__debezium_unavailable_value", "b"));
    mixed.commit();
    CHECK(mixed.rows("id, city, big") == "1|a|aabc");
    CHECK(mixed.reasons() == R"(1|big: its SQL reads "big", of which the change says nothing)");
}

TEST_CASE("sql: an order decides between changes whose columns are computed") {
    Loading rows("id bigint PRIMARY KEY, city text, version int", R"toml(
mode = "merge"
order = "version"
delete_when = "gone = true"
columns = { id = "id", version = "v", city = { sql = "'v' || version" } }
)toml");
    rows.add(R"({"id":1,"v":5})");
    rows.add(R"({"id":1,"v":3})");
    rows.add(R"({"id":2,"v":9,"gone":true})");
    rows.commit();
    rows.add(R"({"id":1,"v":4})");
    rows.add(R"({"id":2,"v":8})");
    rows.commit();
    CHECK(rows.rows("id, city") == "1|v5");
    CHECK(rows.sums() == "2|3|0|0");
}

TEST_CASE("sql: with an order, too, values go to other rows and come back, and old ones do not") {
    Loading rows("id text PRIMARY KEY, code text UNIQUE, big text, size int, lsn bigint", R"toml(
mode = "merge"
envelope = "debezium"
order = "lsn"
[ingest.p.columns]
id = "id"
code = "code"
big = "big"
lsn = "@source/lsn"
size = { sql = "length(big)" }
)toml");
    const auto add = [&](const std::string& id, const std::string& code, const std::string& big) {
        rows.add(R"({"op":"u","source":{"lsn":)" + std::to_string(rows.next) +
                 R"(},"after":{"id":")" + id + R"(","code":")" + code + R"(","big":")" + big +
                 R"("}})");
    };
    const std::string unsaid = "__debezium_unavailable_value";
    add("A", "c1", "bigA");
    rows.commit();
    add("A", "t1", unsaid);
    add("C", "c1", "BC2");
    add("C", "t2", unsaid);
    add("A", "c1", unsaid);
    rows.commit();
    CHECK(rows.rows("id, code, big, size") == "A|c1|bigA|4 C|t2|BC2|3");
    rows.setup.exec("INSERT INTO t VALUES ('B', 'b', 'BB', 2, 6)");
    add("B", "x", "old");
    add("A", "t1", unsaid);
    add("B", "c1", unsaid);
    add("A", "b", unsaid);
    rows.commit();
    CHECK(rows.rows("id, code, big, size") == "A|b|bigA|4 B|c1|BB|2 C|t2|BC2|3");
    CHECK(rows.reasons() == "");
}

TEST_CASE("sql: a dead letter that is retried is judged by the same statements") {
    Loading bills(bill, billing);
    DeadLetterLoader loader(bills.session, bills.ingest, bills.table, "sluice");
    std::vector<WholeDeadLetter> letters(3);
    letters[0].value = R"({"id":1,"item":{"price":1},"qty":0})";
    letters[1].value = R"({"id":2,"item":{"price":1},"qty":2})";
    letters[2].value = R"({"id":3,"qty":2})";
    for (WholeDeadLetter& letter : letters) letter.headers = "[]";
    loader.prepare(letters);
    Transaction transaction(bills.session);
    const auto outcomes = loader.load();
    transaction.commit();
    CHECK(outcomes[0].kind == DeadLetterOutcome::Kind::rejected);
    CHECK(outcomes[1].kind == DeadLetterOutcome::Kind::loaded);
    CHECK(outcomes[2].kind == DeadLetterOutcome::Kind::filtered);
    CHECK(bills.rows("id, total::int") == "2|30");
}

TEST_CASE("sql: check says what the database does not understand, and where it stands") {
    const auto complaint = [](const std::string& keys) {
        Loading rows("id bigint, city text, n int", keys);
        std::string text;
        for (const Finding& finding : rows.checked().findings) text += finding.text + "; ";
        return text;
    };
    const auto sql = [&](const std::string& expression) {
        return complaint("columns = { id = 'id', n = { sql = \"" + expression + "\" } }\n");
    };
    CHECK(sql("id * 2") == "");
    CHECK(sql("'ä' || idd") ==
          "column \"n\": character 8: column \"idd\" does not exist (SQLSTATE 42703); ");
    CHECK(sql("id + ").find("column \"n\": ") == 0);
    CHECK(sql("now()") ==
          "column \"n\": character 1: column \"n\" is of type integer but expression is of type "
          "timestamp with time zone (SQLSTATE 42804); ");
    CHECK(sql("sum(id)").find("aggregate functions are not allowed in WHERE") != std::string::npos);
    CHECK(sql("generate_series(1, 3)").find("set-returning functions are not allowed") !=
          std::string::npos);
    CHECK(sql("1 / 0").find("division by zero") != std::string::npos);
    CHECK(complaint("where = 'id'\n")
              .find("where: character 1: argument of IS NOT TRUE must be "
                    "type boolean") == 0);
    CHECK_THROWS_WITH_AS(
        complaint("where = 'true'\nfields = { x = { from = 'x', type = 'numerc' } }\n"),
        "ingest.p: field \"x\": type = \"numerc\": type \"numerc\" does not exist",
        WrongConfiguration);
}

TEST_CASE("sql: what its target does not have any more waits, and nothing is lost") {
    Loading rows("id bigint, city text, n int",
                 "columns = { id = 'id', n = { sql = 'id + 1' } }\n");
    rows.add(R"({"id":1})");
    rows.setup.exec("ALTER TABLE t ALTER n TYPE text");
    CHECK_THROWS_AS(static_cast<void>(rows.sink->commit(rows.batch)), TroubleOfTheWorld);
    CHECK(rows.setup.value("SELECT count(*) FROM sluice.dead_letter") == "0");
}

TEST_CASE("sql: a truncation empties the table, and what came behind it stays") {
    Loading rows("id bigint PRIMARY KEY, city text", R"toml(
mode = "merge"
envelope = "debezium"
on_truncate = "apply"
columns = { id = "id", city = "city" }
)toml");
    const auto event = [](const std::string& id) {
        return R"({"op":"c","after":{"id":)" + id + R"(,"city":"x"}})";
    };
    rows.add(event("1"));
    rows.commit();
    rows.add(event("2"));
    rows.add(R"({"op":"t","after":null,"before":null})");
    rows.add(event("3"));
    rows.commit();
    CHECK(rows.rows("id") == "3");
    CHECK(rows.sums() == "3|1|0|0");
    rows.add(R"({"op":"t"})");
    rows.commit();
    CHECK(rows.rows("id") == "");

    rows.add(event("4"));
    rows.commit();
    rows.setup.exec("CREATE TABLE other (id bigint REFERENCES t); INSERT INTO other VALUES (4)");
    rows.add(event("5"));
    rows.add(R"({"op":"t"})");
    rows.commit();
    CHECK(rows.rows("id") == "4 5");
    CHECK(rows.sums() == "6|1|0|1");
}

}  // namespace sluice::test
