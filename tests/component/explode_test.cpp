#include "config/column_source.h"
#include "pipeline/mapping/row_mapper.h"
#include "sinks/dead_letters/dead_letter_loader.h"
#include "sinks/load/make_loader.h"
#include "tests/component/sink_setup.h"

#include <doctest/doctest.h>

/// Records of which each has several rows, against a database that refuses some of these.
namespace sluice::test {
namespace {

config::Source source(const std::string& text) {
    return std::get<config::Source>(config::parse_source(text, config::Format::json));
}

config::Ingest exploded() {
    config::Ingest ingest;
    ingest.name = "p";
    ingest.topic = "t";
    ingest.explode = source("/items");
    ingest.columns.push_back({.column = "id", .source = source("/items/id"), .default_value = {}});
    ingest.columns.push_back({.column = "city", .source = source("city"), .default_value = {}});
    return ingest;
}

/// It takes no 2, and nothing twice.
const std::string picky = "id bigint UNIQUE, city text, CHECK (id <> 2)";

}  // namespace

TEST_CASE("explode: of a record's rows all are loaded, or none, and it is one dead letter") {
    SinkSetup setup(picky);
    setup.anchor(0, 0);
    const config::Ingest ingest = exploded();
    RowMapper mapper(ingest, setup.table);
    CloudberrySink sink({.dsn = setup.dsn,
                         .identity = setup.identity,
                         .loader = make_loader(ingest, setup.table, mapper, "sluice")});
    Batch batch;
    Slice& slice = batch.slice(0, 0);
    const auto add = [&](const std::string& value) {
        const Record record{.offset = slice.range.to, .key = {}, .value = value, .headers = {}};
        const auto outcome = mapper.map(batch.records.append(record), batch);
        ++(outcome == RowMapper::Outcome::row        ? slice.loaded
           : outcome == RowMapper::Outcome::filtered ? slice.filtered
                                                     : slice.rejected);
        slice.range.to = record.offset + 1;
        slice.last = identify(record);
    };
    add(R"({"city":"a","items":[{"id":10},{"id":11}]})");
    add(R"({"city":"b","items":[{"id":1},{"id":2},{"id":3}]})");
    add(R"({"city":"c","items":[]})");
    add(R"({"city":"d","items":[{"id":7},{"id":4}]})");
    add(R"({"city":"e","items":[{"id":5},{"id":"x"}]})");
    add(R"({"city":"f","items":[{"id":6}]})");
    const CommitResult result = sink.commit(batch);
    CHECK(retry_reason(result) == "");
    REQUIRE(committed(result));
    CHECK(setup.list("SELECT id, city FROM t ORDER BY id") == "4|d 6|f 7|d 10|a 11|a");
    CHECK(setup.list("SELECT kafka_offset FROM sluice.dead_letter ORDER BY 1") == "1 4");
    CHECK(setup.list("SELECT loaded, rejected, filtered, to_offset FROM sluice.ledger") ==
          "3|2|1|6");
}

TEST_CASE("explode: a dead letter that is retried loads all of its rows, or none") {
    SinkSetup setup(picky);
    Session session(setup.dsn, "test");
    DeadLetterLoader loader(session, exploded(), setup.table, "sluice");
    std::vector<WholeDeadLetter> letters(2);
    letters[0].value = R"({"city":"b","items":[{"id":1},{"id":2}]})";
    letters[1].value = R"({"city":"d","items":[{"id":1},{"id":4}]})";
    for (WholeDeadLetter& letter : letters) letter.headers = "[]";
    loader.prepare(letters);
    Transaction transaction(session);
    const auto outcomes = loader.load();
    transaction.commit();
    CHECK(outcomes[0].kind == DeadLetterOutcome::Kind::rejected);
    CHECK(setup.list("SELECT id, city FROM t ORDER BY id") ==
          (outcomes[1].kind == DeadLetterOutcome::Kind::loaded ? "1|d 4|d" : ""));
}

}  // namespace sluice::test
