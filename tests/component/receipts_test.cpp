#include "sinks/books/receipts.h"

#include "pipeline/errors.h"
#include "sinks/catalogue/catalogue.h"
#include "tests/component/sink_setup.h"

#include <doctest/doctest.h>

namespace sluice::test {
namespace {

const config::Receipts configured{.table = "outbox", .topic = "done"};

/// A sink that leaves receipts in the table `outbox`.
CloudberrySink sink_of(const SinkSetup& setup, const config::Receipts& receipts = configured,
                       const config::Topics& topics = "orders") {
    Session session(setup.dsn, "test");
    config::Ingest ingest;
    ingest.topic = topics;
    ingest.receipts = receipts;
    return CloudberrySink(
        {.dsn = setup.dsn,
         .identity = setup.identity,
         .loader = copy_loader(setup.table, {"id", "city"}, config::OnInvalid::reject),
         .receipts = Receipts(ingest, read_table(session, receipts.table), setup.identity)});
}

std::vector<std::string> problems_of(const SinkSetup& setup, const config::Receipts& receipts) {
    Session session(setup.dsn, "test");
    config::Ingest ingest;
    ingest.name = "p";
    ingest.receipts = receipts;
    std::vector<std::string> problems;
    for (const Finding& finding :
         check_receipts(session, ingest, read_table(session, receipts.table))) {
        problems.push_back(to_string(finding));
    }
    return problems;
}

TEST_CASE("receipts: each partition of a batch has one, in the transaction that moves progress") {
    const SinkSetup setup("id bigint, city text");
    setup.exec(
        "CREATE TABLE outbox (id bigserial PRIMARY KEY, topic text NOT NULL, \"partition\" int,"
        " key text, payload jsonb, headers jsonb)");
    setup.anchor(0, 5);
    setup.anchor(3, 0);
    CloudberrySink sink = sink_of(setup);
    Batch batch;
    add_rows(batch, 0, 5, {{5, "Köln"}, {6, "Rom"}});
    Slice& slice = batch.slice(3, 0);
    slice.range.to = 2;
    slice.filtered = 2;
    batch.slice(4, 7);  // nothing came
    REQUIRE(committed(sink.commit(batch)));
    CHECK(setup.list("SELECT topic, key, headers, payload ->> 'pipeline', payload ->> 'cluster_id',"
                     " payload ->> 'topic', payload ->> 'partition', payload ->> 'from_offset',"
                     " payload ->> 'to_offset', payload ->> 'rows', payload ->> 'rejected',"
                     " payload ->> 'filtered', payload ->> 'incarnation' FROM outbox"
                     " ORDER BY key") ==
          "done|p/0|NULL|p|c|orders|0|5|7|2|0|0|0 done|p/3|NULL|p|c|orders|3|0|2|0|0|2|0");

    // Fenced: the receipts roll back with all the rest.
    Batch late;
    add_rows(late, 0, 5, plain_rows(5, 3));
    CHECK(fenced(sink.commit(late)) == "0");
    CHECK(setup.value("SELECT count(*) FROM outbox") == "2");
}

TEST_CASE("receipts: payload and key as the table's columns are") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 0);
    SUBCASE("bytes") {
        setup.exec(
            "CREATE TABLE outbox (id uuid DEFAULT gen_random_uuid(), key bytea, payload bytea)");
    }
    SUBCASE("text") {
        setup.exec("CREATE TABLE outbox (id serial, key varchar(20), payload text)");
    }
    SUBCASE("json") {
        setup.exec("CREATE TABLE outbox (id serial, key text, payload json)");
    }
    const config::Receipts no_topic{.table = "outbox", .topic = ""};
    CHECK(problems_of(setup, no_topic).empty());
    CloudberrySink sink = sink_of(setup, no_topic);
    Batch batch;
    add_rows(batch, 0, 0, plain_rows(0, 3));
    REQUIRE(committed(sink.commit(batch)));
    CHECK(setup.value("SELECT pg_typeof(payload) = 'bytea'::regtype AND"
                      " convert_from(payload::text::bytea, 'UTF8')::jsonb ->> 'to_offset' = '3' OR"
                      " pg_typeof(payload) <> 'bytea'::regtype AND"
                      " payload::text::jsonb ->> 'to_offset' = '3' FROM outbox") == "t");
}

TEST_CASE("receipts: what a table lacks is said before anything runs") {
    const SinkSetup setup("id bigint, city text");
    setup.exec(
        "CREATE TABLE outbox (id bigint NOT NULL, topic text NOT NULL, key text, payload text)");
    const auto problems = problems_of(setup, {.table = "outbox", .topic = ""});
    REQUIRE(problems.size() == 2);
    CHECK(problems[0] ==
          "ingest.p: receipts: table \"public\".\"outbox\": column \"id\" is NOT NULL without a "
          "default, and receipts do not fill it; give it a default");
    CHECK(problems[1].find("column \"topic\"") != std::string::npos);
    setup.exec("ALTER TABLE outbox DROP COLUMN payload");
    CHECK_THROWS_AS(static_cast<void>(sink_of(setup)), WrongConfiguration);
}

TEST_CASE("receipts: a role that may insert, and not draw the id, is told so") {
    SinkSetup setup("id bigint, city text");
    setup.exec(
        "CREATE TABLE outbox (id bigserial, topic text, key text, payload text);"
        "DROP ROLE IF EXISTS teller; CREATE ROLE teller LOGIN; GRANT INSERT ON outbox TO teller");
    setup.dsn = fixture::shared_postgres().dsn(setup.database, "teller");
    CHECK(
        problems_of(setup, configured) ==
        std::vector<std::string>{
            "ingest.p: receipts: table \"public\".\"outbox\": column \"id\" is not mapped, so its "
            "default draws a number from sequence outbox_id_seq, which this role may not use; "
            "GRANT USAGE ON SEQUENCE outbox_id_seq TO \"teller\""});
    setup.exec("GRANT USAGE ON SEQUENCE outbox_id_seq TO teller");
    CHECK(problems_of(setup, configured).empty());
}

TEST_CASE("receipts: trouble with their table is the world's, and holds the batch up") {
    const SinkSetup setup("id bigint, city text");
    setup.exec("CREATE TABLE outbox (id serial, topic text, key text, payload text)");
    setup.anchor(0, 0);
    CloudberrySink sink = sink_of(setup);
    setup.exec("ALTER TABLE outbox ADD CHECK (topic <> 'done')");
    Batch batch;
    add_rows(batch, 0, 0, plain_rows(0, 3));
    CHECK(retry_reason(sink.commit(batch)).find("receipts") != std::string::npos);
    CHECK(setup.next(0) == 0);
    CHECK(setup.value("SELECT count(*) FROM sluice.dead_letter") == "0");
    setup.exec("TRUNCATE outbox; ALTER TABLE outbox DROP CONSTRAINT outbox_topic_check");
    CHECK(committed(sink.commit(batch)));
    CHECK(setup.next(0) == 3);
}

}  // namespace
}  // namespace sluice::test
