#include "sinks/load/isolation/value_judge.h"
#include "sinks/catalogue/catalogue.h"
#include "tests/component/sink_setup.h"

#include <doctest/doctest.h>

#include <functional>

namespace sluice::test {
namespace {

using MakeCity = std::function<std::optional<std::string>(Offset)>;

Batch batch_of(Offset from, Offset to, const MakeCity& city, CopyForm form) {
    return make_batch(
        from, to,
        [&](Offset offset) {
            return TestRow{offset, city(offset)};
        },
        form);
}

/// The rows that the judge finds, and the reason of the first.
struct Found {
    std::vector<std::size_t> rows;
    std::string reason;
};

Found judge(const SinkSetup& setup, const MakeCity& city, CopyForm form, Offset count) {
    Session session(setup.dsn, "test");
    ValueJudge judge(session, copy_statement(setup.table, {"id", "city"}, form));
    const Batch batch = batch_of(0, count, city, form);
    const EncodedRows& rows =
        form == CopyForm::text ? batch.targets[0].text : batch.targets[0].binary;
    CHECK(judge.judge(rows).empty());  // nobody has stumbled
    judge.note("city");
    Found found;
    for (const UnreadableValue& value : judge.judge(rows)) {
        if (found.rows.empty()) found.reason = value.reason.text;
        CHECK(value.reason.column == "city");
        found.rows.push_back(value.row);
    }
    return found;
}

std::vector<std::size_t> every(std::size_t step, std::size_t first, std::size_t count) {
    std::vector<std::size_t> rows;
    for (std::size_t row = first; row < count; row += step) rows.push_back(row);
    return rows;
}

TEST_CASE("values: unknown labels are found in both forms, NULL is none") {
    const SinkSetup setup("id bigint, city text");
    setup.exec(
        "CREATE TYPE colour AS ENUM ('red', 'blue');"
        "ALTER TABLE t ALTER city TYPE colour USING NULL");
    for (const CopyForm form : {CopyForm::binary, CopyForm::text}) {
        const auto found = judge(
            setup,
            [](Offset o) -> std::optional<std::string> {
                if (o % 10 == 5) return std::nullopt;
                return o % 50 == 7 ? "shade " + std::to_string(o) : "red";
            },
            form, 1000);
        CHECK(found.rows == every(50, 7, 1000));
        CHECK(found.reason == "invalid input value for enum colour: \"shade 7\"");
    }
}

TEST_CASE("values: texts that are no interval are found, whatever characters they have") {
    const SinkSetup setup("id bigint, city interval");
    const auto found = judge(
        setup,
        [](Offset o) { return o % 100 == 31 ? "a\\tb\\\\" : std::to_string(o) + " minutes"; },
        CopyForm::text, 2000);
    CHECK(found.rows == every(100, 31, 2000));
    CHECK(found.reason == "invalid input syntax for type interval: \"a\tb\\\"");
    CHECK(judge(
              setup, [](Offset) { return "never"; }, CopyForm::text, 500)
              .rows.size() == 500);
}

TEST_CASE("values: domains and arrays are judged, an interval with fields of its own is not") {
    const SinkSetup setup("id bigint, city text");
    setup.exec(
        "CREATE DOMAIN even AS int CHECK (VALUE % 2 = 0);"
        "ALTER TABLE t ALTER city TYPE even USING NULL");
    const MakeCity number = [](Offset o) { return std::to_string(o); };
    CHECK(judge(setup, number, CopyForm::text, 100).rows == every(2, 1, 100));
    setup.exec("ALTER TABLE t ALTER city TYPE int[] USING NULL");
    const MakeCity list = [](Offset o) { return o == 40 ? "{1,x}" : "{1,2}"; };
    CHECK(judge(setup, list, CopyForm::text, 100).rows == every(100, 40, 100));
    setup.exec("ALTER TABLE t ALTER city TYPE interval day to hour USING NULL");
    CHECK(judge(setup, list, CopyForm::text, 100).rows.empty());
}

/// Loads so many batches of 1,000.
void load(const SinkSetup& setup, CloudberrySink& sink, const MakeCity& city, int batches,
          CopyForm form) {
    for (int i = 0; i < batches; ++i) {
        const Offset from = setup.next(0);
        Batch batch = batch_of(from, from + 1000, city, form);
        REQUIRE(committed(sink.commit(batch)));
    }
}

TEST_CASE("values: each offset is a row or a dead letter, and a new label is taken at once") {
    for (const CopyForm form : {CopyForm::binary, CopyForm::text}) {
        SinkSetup setup("id bigint, city text");
        setup.exec(
            "CREATE TYPE colour AS ENUM ('red', 'blue');"
            "ALTER TABLE t ALTER city TYPE colour USING NULL");
        Session session(setup.dsn, "test");
        setup.table = read_table(session, "t");
        setup.anchor(0, 0);
        CloudberrySink sink = setup.sink();
        const MakeCity city = [](Offset o) { return o % 100 == 7 ? "green" : "blue"; };
        load(setup, sink, city, 3, form);
        CHECK(setup.list("SELECT count(*), sum((kafka_offset % 100 = 7)::int), min(reasons::text)"
                         " FROM sluice.dead_letter") ==
              "30|30|[{\"column\": \"city\", \"reason\": \"invalid input value for enum colour:"
              " \\\"green\\\"\"}]");
        setup.exec("ALTER TYPE colour ADD VALUE 'green'");
        load(setup, sink, city, 1, form);
        load(
            setup, sink, [](Offset) { return "red"; }, 2, form);
        CHECK(
            setup.list("SELECT count(*), count(DISTINCT id), sum((city = 'green')::int) FROM t") ==
            "5970|5970|10");
        CHECK(setup.value("SELECT sum(rejected) FROM sluice.ledger") == "30");
    }
}

TEST_CASE("values: a row says all that is wrong with it, once its columns are suspected") {
    SinkSetup setup("id bigint, city text");
    setup.exec("DROP TABLE t; CREATE TABLE t (id interval, city interval)");
    Session session(setup.dsn, "test");
    setup.table = read_table(session, "t");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    for (Offset from = 0; from < 300; from += 100) {
        Batch batch = batch_of(
            from, from + 100, [](Offset) { return ""; }, CopyForm::text);
        batch.targets[0].text.bytes.clear();
        for (std::size_t row = 0; row < 100; ++row) {
            batch.targets[0].text.bytes += row == 7 || row == 11 ? "long\t" : "1 day\t";
            batch.targets[0].text.bytes += row == 9 || row == 11 ? "long\n" : "1 day\n";
            batch.targets[0].text.rows[row].end = batch.targets[0].text.bytes.size();
        }
        REQUIRE(committed(sink.commit(batch)));
    }
    CHECK(setup.list("SELECT kafka_offset, jsonb_array_length(reasons::jsonb) FROM"
                     " sluice.dead_letter ORDER BY 1") ==
          "7|1 9|1 11|1 107|1 109|1 111|2 207|1 209|1 211|2");
}

TEST_CASE("values: a column that is another type now rejects nothing") {
    SinkSetup setup("id bigint, city interval");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    const MakeCity city = [](Offset o) { return o % 100 == 7 ? "long" : "1 day"; };
    load(setup, sink, city, 2, CopyForm::text);
    setup.exec("ALTER TABLE t ALTER city TYPE text");
    Batch batch = batch_of(2000, 3000, city, CopyForm::text);
    REQUIRE(committed(sink.commit(batch)));
    CHECK(setup.value("SELECT count(*) FROM sluice.dead_letter") == "20");
    CHECK(setup.value("SELECT count(*) FROM t") == "2980");
}

}  // namespace
}  // namespace sluice::test
