#include "pipeline/errors.h"
#include "sinks/books/ledger_upkeep.h"
#include "tests/component/sink_setup.h"
#include "tests/fakes/partitions.h"
#include "tests/fixture/mpp_locks.h"
#include "tests/fixture/tcp_proxy.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

/// So many plain rows of partition 0.
CommitResult load(CloudberrySink& sink, Offset from, std::size_t count = 10) {
    Batch batch;
    add_rows(batch, 0, from, plain_rows(from, count));
    return sink.commit(batch);
}

TEST_CASE("sink: rows, ledger and progress arrive together") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 5);
    setup.anchor(3, 0);
    CloudberrySink sink = setup.sink();
    Batch batch;
    add_rows(batch, 0, 5, {{5, "Köln"}, {6, std::nullopt}});
    add_rows(batch, 3, 0, {{7, "Rom"}}, CopyForm::text);
    Slice& slice = batch.slice(3, 0);
    slice.range.to = 4;
    slice.filtered = 2;
    slice.gaps = 1;

    REQUIRE(committed(sink.commit(batch)));
    CHECK(setup.list("SELECT id, city FROM t ORDER BY 1") == "5|Köln 6|NULL 7|Rom");
    CHECK(setup.list("SELECT kafka_partition, from_offset, to_offset, loaded, rejected, filtered,"
                     " gaps, lost, kind, writer, revision FROM sluice.ledger ORDER BY 1") ==
          "0|5|7|2|0|0|0|0|batch|w|r 3|0|4|1|0|2|1|0|batch|w|r");
    CloudberryProgress progress = setup.progress();
    const std::vector<PartitionId> partitions = {0, 3, 9};
    const auto points = progress.read(partitions);
    REQUIRE(points.size() == 2);
    const ResumePoint& first = points[points[0].partition == 0 ? 0 : 1];
    CHECK(first.next == 7);
    CHECK(first.last == batch.slice(0, 0).last);
}

TEST_CASE("sink: partitions of one number of two topics have books of their own") {
    const SinkSetup setup("id bigint, city text");
    const TopicPartition& other = setup.identity.partitions->of("events", 0);
    setup.anchor(0, 5);
    CloudberryProgress progress = setup.progress();
    CHECK(progress.topics().contains("orders"));
    CHECK_FALSE(progress.topics().contains("events"));
    setup.anchor(other.id, 0);
    CHECK(progress.topics().contains("events"));
    CloudberrySink sink = setup.sink();
    Batch batch;
    add_rows(batch, 0, 5, plain_rows(5, 2));
    const auto rejected =
        batch.records.append({.from = &other, .offset = 0, .key = {}, .value = "x", .headers = {}});
    batch.reject(rejected, {{"id", "no number"}});
    Slice& slice = batch.slice(other.id, 0);
    slice.range.to = slice.rejected = 1;
    REQUIRE(committed(sink.commit(batch)));
    CHECK(setup.list("SELECT topic, kafka_partition, from_offset, to_offset FROM sluice.ledger"
                     " ORDER BY 1") == "events|0|0|1 orders|0|5|7");
    CHECK(setup.list("SELECT topic, kafka_partition, kafka_offset FROM sluice.dead_letter") ==
          "events|0|0");
    const std::vector<PartitionId> both = {0, other.id};
    for (const ResumePoint& point : progress.read(both))
        CHECK(point.next == (point.partition == 0 ? 7 : 1));
    CHECK(progress.read({&both[1], 1}).size() == 1);

    setup.move_progress(other.id, 2);
    Batch next;
    add_rows(next, 0, 7, plain_rows(7, 1));
    Slice& late = next.slice(other.id, 1);
    late.range.to = 2;
    late.gaps = 1;
    CHECK(fenced(sink.commit(next)) == std::to_string(other.id));
}

TEST_CASE("sink: a batch of no rows moves progress") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 5);
    CloudberrySink sink = setup.sink();
    Batch batch;
    Slice& slice = batch.slice(0, 5);
    slice.range.to = 8;
    slice.gaps = 3;
    REQUIRE(committed(sink.commit(batch)));
    CHECK(setup.next(0) == 8);
}

TEST_CASE("sink: progress that another writer moved fences the whole batch") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 0);
    setup.anchor(1, 0);
    setup.move_progress(1, 1);
    CloudberrySink sink = setup.sink();
    Batch batch;
    add_rows(batch, 0, 0, plain_rows(0, 3));
    add_rows(batch, 1, 0, plain_rows(0, 3));
    CHECK(fenced(sink.commit(batch)) == "1");
    CHECK(setup.value("SELECT count(*) FROM t") == "0");
    CHECK(setup.value("SELECT count(*) FROM sluice.ledger WHERE kind = 'batch'") == "0");
    CHECK(setup.next(0) == 0);
}

TEST_CASE("sink: a partition without progress fences the batch") {
    const SinkSetup setup("id bigint, city text");
    CloudberrySink sink = setup.sink();
    Batch batch;
    add_rows(batch, 2, 0, plain_rows(0, 1));
    CHECK(fenced(sink.commit(batch)) == "2");
}

/// Of two records each, from `from` on.
Batch of_partitions(PartitionId partitions, Offset from) {
    Batch batch;
    for (PartitionId partition = 0; partition < partitions; ++partition)
        add_rows(batch, partition, from, plain_rows(from, 2));
    return batch;
}

TEST_CASE("sink: partitions follow their anchors and their last rows in one statement") {
    const SinkSetup setup("id bigint, city text");
    // Keys are written out for few, and joined for many.
    PartitionId partitions = 0;
    SUBCASE("few") {
        partitions = 3;
    }
    SUBCASE("many") {
        partitions = 40;
    }
    for (PartitionId partition = 0; partition < partitions; ++partition) setup.anchor(partition, 0);
    CloudberrySink sink = setup.sink();
    Batch first = of_partitions(partitions - 1, 0);
    REQUIRE(committed(sink.commit(first)));
    Batch next = of_partitions(partitions - 1, 2);
    add_rows(next, partitions - 1, 0, plain_rows(0, 2));
    REQUIRE(committed(sink.commit(next)));
    const auto count = [&](const std::string& table) {
        return setup.value("SELECT count(*) FROM " + table);
    };
    CHECK(count("sluice.ledger") == std::to_string(2 * partitions - 1));

    Batch last = of_partitions(partitions - 1, 4);
    add_rows(last, partitions - 1, 2, plain_rows(2, 2));
    setup.exec("DELETE FROM sluice.ledger WHERE from_offset = 2 AND kafka_partition = 1");
    CHECK(fenced(sink.commit(last)) == "1");
    CHECK(count("sluice.ledger") == std::to_string(2 * partitions - 2));
    CHECK(count("t") == std::to_string(2 * (2 * partitions - 1)));
}

TEST_CASE("sink: of two writers on one partition each offset is written by one") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 0);
    constexpr Offset end = 400;
    std::atomic<int> times_fenced = 0;
    const auto write = [&] {
        CloudberrySink sink = setup.sink();
        CloudberryProgress progress = setup.progress();
        const std::vector<PartitionId> partitions = {0};
        for (;;) {
            const Offset next = progress.read(partitions).front().next;
            if (next >= end) return;
            Batch batch;
            add_rows(batch, 0, next, plain_rows(next, 10));
            const CommitResult result = sink.commit(batch);
            if (!fenced(result).empty()) ++times_fenced;
        }
    };
    std::thread other(write);
    write();
    other.join();
    CHECK(setup.list("SELECT count(*), count(DISTINCT id), min(id), max(id) FROM t") ==
          "400|400|0|399");
    CHECK(setup.next(0) == end);
}

TEST_CASE("sink: with an MPP database's locks writers of different partitions get along") {
    const SinkSetup setup("id bigint, city text");
    fixture::PgConnection owner = fixture::shared_postgres().connect(setup.database);
    for (const char* table : {"sluice.anchor", "sluice.ledger", "sluice.dead_letter", "t"})
        fixture::install_mpp_locks(owner, table);
    setup.anchor(0, 0);
    setup.anchor(1, 0);
    std::atomic<int> refused = 0;
    const auto write = [&](PartitionId partition) {
        CloudberrySink sink = setup.sink();
        for (Offset next = 0; next < 200; next += 10) {
            Batch batch;
            add_rows(batch, partition, next, plain_rows(next, 10));
            if (!committed(sink.commit(batch))) ++refused;
        }
    };
    std::thread other(write, 1);
    write(0);
    other.join();
    CHECK(refused == 0);
    CHECK(setup.value("SELECT count(*) FROM t") == "400");
}

TEST_CASE("sink: with an MPP database's locks nobody waits for another partition's COMMIT") {
    const SinkSetup setup("id bigint, city text");
    setup.exec("ALTER DATABASE sinks SET lock_timeout = '1s'");
    fixture::PgConnection other = fixture::shared_postgres().connect(setup.database);
    for (const char* table : {"sluice.anchor", "sluice.ledger", "sluice.dead_letter", "t"})
        fixture::install_mpp_locks(other, table);
    setup.anchor(0, 0);
    setup.anchor(1, 0);
    other.exec(
        "BEGIN; INSERT INTO sluice.ledger VALUES ('p', 'c', 'orders', 1, 0, 0, 3, 3, 0, 0, 0, 0,"
        " 'batch', 'other', 'r', now(), 0, 0, -1, -1, 0)");
    CloudberrySink sink = setup.sink();
    Batch batch;
    add_rows(batch, 0, 0, plain_rows(0, 3));
    CHECK(committed(sink.commit(batch)));
    Batch same_place;
    add_rows(same_place, 1, 0, plain_rows(0, 2));
    CHECK(retry_reason(sink.commit(same_place)).find("lock timeout") != std::string::npos);
    other.exec("COMMIT");
    CHECK(fenced(sink.commit(same_place)) == "1");
    CHECK(setup.value("SELECT count(*) FROM t") == "3");
}

TEST_CASE("sink: who comes back when the rows behind its own have been folded is fenced") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    CloudberrySink other = setup.sink();
    REQUIRE(committed(load(sink, 0)));
    for (const Offset from : {10, 20, 30}) REQUIRE(committed(load(other, from)));
    Session session(setup.dsn, "fold");
    CHECK(fold_ledger(session, "sluice", "p", std::chrono::seconds(0)).rows == 2);
    CHECK(setup.list("SELECT from_offset, to_offset FROM sluice.ledger ORDER BY 1") ==
          "0|30 30|40");
    CHECK(fenced(load(sink, 10)) == "0");
    CHECK(fenced(load(sink, 30)) == "0");
    CHECK(committed(load(sink, 40)));
    CHECK(setup.value("SELECT count(*) FROM t") == "50");
}

TEST_CASE("sink: a database that has lost what it had committed fences who goes on behind that") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    REQUIRE(committed(load(sink, 0)));
    REQUIRE(committed(load(sink, 10)));
    setup.exec("DELETE FROM sluice.ledger WHERE from_offset = 10; DELETE FROM t WHERE id >= 10");
    CHECK(fenced(load(sink, 20)) == "0");

    SUBCASE("and loads it again") {
        CHECK(committed(load(sink, 10)));
    }
    SUBCASE("also when others have loaded it again, and not for ever") {
        CloudberrySink other = setup.sink();
        REQUIRE(committed(load(sink, 10)));
        setup.exec(
            "DELETE FROM sluice.ledger WHERE from_offset = 10; DELETE FROM t WHERE id >= 10");
        REQUIRE(committed(load(other, 10, 5)));
        REQUIRE(committed(load(other, 15, 5)));
        CHECK(fenced(load(sink, 20)) == "0");
        CHECK(committed(load(sink, 20)));
        setup.exec("DELETE FROM t WHERE id >= 20");
    }
    CHECK(setup.value("SELECT count(*) FROM t") == "20");
}

TEST_CASE("sink: a lost answer to COMMIT is settled, not guessed") {
    // The COMMIT takes until somebody takes the key away: it is pending while the sink asks.
    const SinkSetup setup("id bigint PRIMARY KEY, city text");
    setup.exec(
        "CREATE FUNCTION wait_for_key() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " PERFORM pg_advisory_xact_lock_shared(42); RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION wait_for_key()");
    setup.anchor(0, 0);
    const fixture::Postgres& server = fixture::shared_postgres();
    fixture::TcpProxy proxy(server.port());
    CloudberrySink sink = setup.sink(config::OnReject::dead_letter,
                                     server.dsn(setup.database, "postgres", proxy.port()));
    Batch batch;
    add_rows(batch, 0, 0, plain_rows(0, 3));
    fixture::PgConnection key = server.connect(setup.database);
    key.exec("SELECT pg_advisory_lock(42)");
    const auto sessions_that_wait = [&](const std::string& what) {
        return server.value("SELECT count(*) FROM pg_stat_activity WHERE datname = '" +
                            setup.database + "' AND wait_event_type = 'Lock' AND query LIKE '" +
                            what + "%'");
    };

    std::optional<CommitResult> lost;
    std::thread commit([&] { lost = sink.commit(batch); });
    fixture::wait_until([&] { return sessions_that_wait("COMMIT") == "1"; }, fixture::patient(10s),
                        "COMMIT waits");
    proxy.reset_connections();
    commit.join();
    REQUIRE(retry_reason(*lost).find("COMMIT") != std::string::npos);
    CHECK(setup.next(0) == 0);  // a plain read would be wrong in a moment

    std::optional<CommitResult> settled;
    std::thread settle([&] { settled = sink.commit(batch); });
    fixture::wait_until([&] { return sessions_that_wait("INSERT") == "1"; }, fixture::patient(10s),
                        "settling waits for the old transaction");

    SUBCASE("it had committed") {
        key.exec("SELECT pg_advisory_unlock(42)");
        settle.join();
        CHECK(committed(*settled));
    }
    SUBCASE("it had not") {
        server.exec(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COMMIT%'"
            " AND wait_event_type = 'Lock' AND datname = '" +
            setup.database + "'");
        key.exec("SELECT pg_advisory_unlock(42)");
        settle.join();
        CHECK(committed(*settled));
    }
    CHECK(setup.list("SELECT count(*), count(DISTINCT id) FROM t") == "3|3");
    CHECK(setup.value("SELECT count(*) FROM sluice.ledger") == "1");
    CHECK(setup.value("SELECT count(*) FROM sluice.dead_letter") == "0");
    CHECK(setup.next(0) == 3);
}

TEST_CASE("sink: a doubt about one batch is no doubt about the next") {
    const SinkSetup setup("id bigint, city text");
    setup.exec(
        "CREATE FUNCTION judge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(10); RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER judge AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW WHEN (NEW.id = 1) EXECUTE FUNCTION judge()");
    for (const PartitionId partition : {0, 1}) setup.anchor(partition, 0);
    CloudberrySink sink = setup.sink();
    Batch doubtful;
    add_rows(doubtful, 0, 0, plain_rows(0, 3));
    REQUIRE(retry_reason(sink.commit(doubtful)).find("COMMIT was lost") != std::string::npos);
    Batch another;  // partition 0 was taken away meanwhile
    add_rows(another, 1, 0, plain_rows(10, 3));
    CHECK(committed(sink.commit(another)));
    CHECK(setup.next(0) == 0);
    CHECK(setup.next(1) == 3);
}

TEST_CASE("sink: a database that is away is trouble of the world") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 0);
    const fixture::Postgres& server = fixture::shared_postgres();
    fixture::TcpProxy proxy(server.port());
    CloudberrySink sink = setup.sink(config::OnReject::dead_letter,
                                     server.dsn(setup.database, "postgres", proxy.port()));
    Batch batch;
    add_rows(batch, 0, 0, plain_rows(0, 3));
    proxy.cut();
    CHECK(!retry_reason(sink.commit(batch)).empty());
    proxy.resume();
    REQUIRE(committed(sink.commit(batch)));
    proxy.reset_connections();
    Batch second;
    add_rows(second, 0, 3, plain_rows(3, 3));
    if (!committed(sink.commit(second))) REQUIRE(committed(sink.commit(second)));
    CHECK(setup.value("SELECT count(*) FROM t") == "6");
}

TEST_CASE("sink: a missing permission and a missing table name their remedy and reject nothing") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 0);
    const fixture::Postgres& server = fixture::shared_postgres();
    server.create_role("loader");
    setup.exec(
        "GRANT USAGE ON SCHEMA sluice TO loader;"
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA sluice TO loader");
    CloudberrySink sink =
        setup.sink(config::OnReject::dead_letter, server.dsn(setup.database, "loader"));
    Batch batch;
    add_rows(batch, 0, 0, plain_rows(0, 3));
    const std::string denied = retry_reason(sink.commit(batch));
    CHECK(denied.find("42501") != std::string::npos);
    CHECK(denied.find("grant") != std::string::npos);
    setup.exec("GRANT INSERT ON t TO loader; ALTER TABLE t RENAME TO away");
    CHECK(retry_reason(sink.commit(batch)).find("42P01") != std::string::npos);
    setup.exec("ALTER TABLE away RENAME TO t");
    setup.exec("REVOKE INSERT ON sluice.ledger FROM loader");
    const std::string books = retry_reason(sink.commit(batch));
    CHECK(books.find("sluice's tables in schema \"sluice\"") != std::string::npos);
    CHECK(books.find("\"t\"") == std::string::npos);
    setup.exec("GRANT INSERT ON sluice.ledger TO loader");
    CHECK(committed(sink.commit(batch)));  // INSERT is all that it needs of its target
    CHECK(setup.value("SELECT count(*) FROM sluice.dead_letter") == "0");
}

TEST_CASE("sink: dead letters keep every byte, and NULL apart from empty") {
    const SinkSetup setup("id bigint, city text");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink();
    Batch batch;
    const std::string binary("\0\xff\n\\", 4);
    const Header headers[] = {
        {"trace", "a\"b\\\n\u00e9"}, {"none", std::nullopt}, {"raw", binary}, {"empty", ""}};
    Record full{.from = fakes::orders(0),
                .offset = 0,
                .timestamp_ms = 1700000000123,
                .key = binary,
                .value = "",
                .headers = headers};
    Record bare;
    bare.from = fakes::orders(0);
    bare.offset = 1;
    batch.rejects.push_back(
        {batch.records.append(full), {{"amount", "not a number"}, {"", "bad"}}});
    batch.rejects.push_back({batch.records.append(bare), {{"", std::string("nul \0 \xff", 7)}}});
    Slice& slice = batch.slice(0, 0);
    slice.range.to = 2;
    slice.rejected = 2;
    REQUIRE(committed(sink.commit(batch)));
    CHECK(setup.list("SELECT kafka_offset, extract(epoch FROM record_time)::text, key::text,"
                     " value::text FROM sluice.dead_letter ORDER BY 1") ==
          "0|1700000000.123000|\\x00ff0a5c|\\x 1|NULL|NULL|NULL");
    CHECK(setup.value("SELECT headers::text FROM sluice.dead_letter WHERE kafka_offset = 0") ==
          "[{\"name\": \"trace\", \"value\": \"a\\\"b\\\\\\n\u00e9\"}, {\"name\": \"none\", "
          "\"value\": null}, {\"name\": \"raw\", \"value_hex\": \"00ff0a5c\"}, "
          "{\"name\": \"empty\", \"value\": \"\"}]");
    CHECK(setup.value("SELECT reasons::text FROM sluice.dead_letter WHERE kafka_offset = 0") ==
          "[{\"column\": \"amount\", \"reason\": \"not a number\"}, "
          "{\"column\": null, \"reason\": \"bad\"}]");
    CHECK(setup.value(
              "SELECT reasons->0->>'reason' FROM sluice.dead_letter WHERE kafka_offset = 1") ==
          "nul \uFFFD \uFFFD");
}

TEST_CASE("sink: on_reject = stop writes what precedes the record and names it") {
    const SinkSetup setup("id bigint CHECK (id <> 2), city text");
    setup.anchor(0, 0);
    CloudberrySink sink = setup.sink(config::OnReject::stop);
    Batch batch;
    add_rows(batch, 0, 0, plain_rows(0, 4));
    CHECK(std::get<Committed>(sink.commit(batch)).stop.starts_with("orders[0]@2: "));
    CHECK(setup.value("SELECT count(*) FROM t") == "2");
    CHECK(setup.next(0) == 2);
    // Another batch does not stop for it.
    setup.anchor(1, 0);
    Batch another;
    add_rows(another, 1, 0, plain_rows(10, 2));
    CHECK(std::get<Committed>(sink.commit(another)).stop == "");
}

TEST_CASE("session: what the statements rely on is set, and the password is never told") {
    const SinkSetup setup("id bigint, city text");
    Session session(setup.dsn + " options='-c lock_timeout=7s'", "sluice/p");
    CHECK(session.exec("SHOW lock_timeout").text(0, 0) == "7s");
    CHECK(session.exec("SHOW idle_in_transaction_session_timeout").text(0, 0) == "1min");
    CHECK(session.exec("SHOW client_encoding").text(0, 0) == "UTF8");
    CHECK(session.exec("SHOW application_name").text(0, 0) == "sluice/p");
    for (const std::string dsn : {"host=127.0.0.1 port=1 password=hush", "password=hush hush =",
                                  "postgresql://u:hush@127.0.0.1:1/x?nonsense=hush"}) {
        Session other(dsn, "test");
        std::string text;
        try {
            other.open();
        } catch (const std::exception& error) {
            text = error.what();
        }
        CHECK(!text.empty());
        CHECK(text.find("hush") == std::string::npos);
    }
}

TEST_CASE("session: a transaction whose settings are refused leaves none behind") {
    const SinkSetup setup("id bigint, city text");
    Session session(setup.dsn, "test");
    CHECK_THROWS_AS(Transaction(session, "SET LOCAL lock_timeout = 'soon'"), DatabaseError);
    CHECK(session.is_open());
    CHECK(session.exec("SELECT 1").text(0, 0) == "1");
}

}  // namespace
}  // namespace sluice::test
