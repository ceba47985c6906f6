#include "pipeline/errors.h"
#include "sinks/catalogue/catalogue.h"
#include "sinks/dead_letters/dead_letter_loader.h"
#include "sinks/dead_letters/dead_letter_pass.h"
#include "sinks/dead_letters/dead_letter_upkeep.h"
#include "tests/component/letters_setup.h"
#include "tests/fixture/mpp_locks.h"
#include "tests/fixture/tcp_proxy.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using Kind = DeadLetterOutcome::Kind;

/// Who retries, with a session of its own.
class Retrier {
public:
    explicit Retrier(const LettersSetup& setup, const std::string& dsn = "",
                     const std::string& writer = "retrier")
        : session(dsn.empty() ? setup.dsn : dsn, "retry"),
          loader(session, setup.ingest(), setup.table, "sluice"),
          pass(session,
               {.query = {.schema = "sluice", .pipeline = "p", .topic = "orders", .where = {}},
                .by = {writer, "r"},
                .rows_per_batch = 50},
               [this](const auto& letters) {
                   loader.prepare(letters);
                   return [this] { return loader.load(); };
               }) {}

    DeadLetterCounts all() {
        DeadLetterCounts counts;
        while (const auto batch = pass.next(1000)) counts += *batch;
        return counts;
    }

    Session session;
    DeadLetterLoader loader;
    DeadLetterPass pass;
};

std::int64_t open_letters(const LettersSetup& setup) {
    return std::stoll(setup.value("SELECT count(*) FROM sluice.open_dead_letter"));
}

TEST_CASE("dead letters: a retry loads what can be, with all that the record had") {
    const LettersSetup setup(", CHECK (id <> 7)");
    setup.reject(3, 0, 10);
    setup.reject(4, 5, 2, "no JSON");
    Retrier retrier(setup);
    const DeadLetterCounts counts = retrier.all();
    CHECK(counts.loaded == 9);
    CHECK(counts.rejected == 3);
    CHECK(setup.list("SELECT id, city, part, offs, trace, k,"
                     " round(extract(epoch FROM at) * 1000)::bigint FROM t WHERE id = 8") ==
          "8|Köln|3|8|8|key 8|1700000000131");
    CHECK(open_letters(setup) == 3);
    CHECK(setup.list("SELECT kafka_offset, retries, reasons->0->>'reason' ~ 'check'"
                     " FROM sluice.open_dead_letter WHERE kafka_partition = 3") == "7|1|t");
    CHECK(setup.problems() == "");
    // Nothing was taken away, and what has become of each is written down.
    CHECK(setup.value("SELECT count(*) FROM sluice.dead_letter") == "12");
    CHECK(setup.list("SELECT outcome, count(*), min(writer), min(revision)"
                     " FROM sluice.dead_letter_history GROUP BY 1 ORDER BY 1") ==
          "loaded|9|retrier|r rejected|3|retrier|r");

    setup.exec("ALTER TABLE t DROP CONSTRAINT t_id_check");
    Retrier again(setup);
    CHECK(again.all().loaded == 1);
    CHECK(setup.list("SELECT round, outcome FROM sluice.dead_letter_history"
                     " WHERE kafka_offset = 7 ORDER BY 1") == "1|rejected 2|loaded");
    CHECK(setup.list("SELECT DISTINCT retries FROM sluice.open_dead_letter") == "2");
    CHECK(setup.problems() == "");
}

TEST_CASE(
    "dead letters: on Greenplum no row is left behind a savepoint, where readers would lose it") {
    const LettersSetup setup(", CHECK (id <> 7)");
    setup.call_it_mpp();
    setup.reject(3, 0, 10);
    Retrier retrier(setup);
    const DeadLetterCounts counts = retrier.all();
    CHECK(counts.loaded == 9);
    CHECK(counts.rejected == 1);
    CHECK(setup.value("SELECT count(*) FROM t WHERE xmin::text IN"
                      " (SELECT xmin::text FROM sluice.dead_letter_history)") == "9");
}

TEST_CASE("dead letters: verify sees a retried row that is lost or doubled, and a lost note") {
    const LettersSetup setup;
    setup.reject(0, 0, 20);
    Retrier retrier(setup);
    REQUIRE(retrier.all().loaded == 20);
    REQUIRE(setup.problems() == "");
    setup.exec(
        "CREATE TABLE kept AS TABLE t; CREATE TABLE notes AS TABLE "
        "sluice.dead_letter_history");
    for (const char* harm :
         {"DELETE FROM t WHERE id = 5", "INSERT INTO t SELECT * FROM t WHERE id = 5",
          "DELETE FROM sluice.dead_letter_history WHERE kafka_offset = 5",
          "UPDATE sluice.dead_letter_history SET outcome = 'discarded' WHERE kafka_offset = 5"}) {
        setup.exec(harm);
        CHECK_MESSAGE(setup.problems() != "", harm);
        setup.exec(
            "TRUNCATE t, sluice.dead_letter_history; INSERT INTO t TABLE kept;"
            "INSERT INTO sluice.dead_letter_history TABLE notes");
    }
    CHECK(setup.problems() == "");
}

TEST_CASE("dead letters: many retry at once beside the pipeline, on a database with MPP locks") {
    const LettersSetup setup;
    constexpr std::size_t at_first = 1000;
    setup.reject(0, 0, at_first);
    fixture::PgConnection owner = fixture::shared_postgres().connect(setup.database);
    for (const char* table : {"t", "sluice.anchor", "sluice.ledger", "sluice.dead_letter",
                              "sluice.dead_letter_history"})
        fixture::install_mpp_locks(owner, table);
    setup.anchor(1, 0);
    std::atomic<bool> done = false;
    std::atomic<std::int64_t> loaded = 0;
    std::vector<std::thread> retriers;
    for (int i = 0; i < 3; ++i)
        retriers.emplace_back([&, i] {
            while (!done) {
                Retrier retrier(setup, "", "retrier " + std::to_string(i));
                loaded += retrier.all().loaded;
            }
        });
    std::thread discarder([&] {
        Session session(setup.dsn, "discard");
        while (!done) {
            DeadLetterPass pass(
                session,
                {.query = {.schema = "sluice", .pipeline = "p", .topic = "", .where = {}},
                 .by = {"discarder", "r"},
                 .rows_per_batch = 7},
                [](const auto& letters) {
                    return [count = letters.size()] {
                        return std::vector<DeadLetterOutcome>(count, {Kind::discarded, {}});
                    };
                });
            static_cast<void>(pass.next(7));
        }
    });
    CloudberrySink sink = setup.sink();
    constexpr Offset while_retrying = 600;
    for (Offset from = 0; from < while_retrying; from += 20)
        LettersSetup::reject(sink, 1, from, 20);
    fixture::wait_until([&] { return open_letters(setup) == 0; }, fixture::patient(30s),
                        "all are settled");
    done = true;
    for (std::thread& retrier : retriers) retrier.join();
    discarder.join();
    const std::string rows = std::to_string(loaded);
    CHECK(setup.list("SELECT count(*), count(DISTINCT (part, offs)) FROM t") == rows + "|" + rows);
    CHECK(setup.list("SELECT count(*), count(DISTINCT (kafka_partition, kafka_offset))"
                     " FROM sluice.dead_letter_history") ==
          std::to_string(at_first + while_retrying) + "|" +
              std::to_string(at_first + while_retrying));
    CHECK(setup.problems() == "");
}

TEST_CASE("dead letters: who takes no turns is stopped by the primary key") {
    const LettersSetup setup;
    setup.reject(0, 0, 10);
    Session session(setup.dsn, "retry");
    DeadLetterLoader loader(session, setup.ingest(), setup.table, "sluice");
    int calls = 0;
    DeadLetterPass pass(
        session,
        {.query = {.schema = "sluice", .pipeline = "p", .topic = "", .where = {}},
         .by = {"slow", "r"}},
        [&](const std::vector<WholeDeadLetter>& letters) {
            loader.prepare(letters);
            return [&, letters] {
                auto outcomes = loader.load();
                if (calls++ > 0) return outcomes;
                // Somebody who read the same letters was faster with two of them.
                Session other(setup.dsn, "other");
                DeadLetterLoader its(other, setup.ingest(), setup.table, "sluice");
                const std::vector<WholeDeadLetter> two(letters.begin() + 3, letters.begin() + 5);
                its.prepare(two);
                Transaction transaction(other);
                REQUIRE(note_outcomes(other, "sluice", {"fast", "r"}, two, its.load()));
                transaction.commit();
                return outcomes;
            };
        });
    const auto counts = pass.next(1000);
    REQUIRE(counts);
    CHECK(calls == 2);
    CHECK(counts->loaded == 8);
    CHECK(setup.list("SELECT count(*), count(DISTINCT offs) FROM t") == "10|10");
    CHECK(setup.list("SELECT writer, count(*) FROM sluice.dead_letter_history GROUP BY 1"
                     " ORDER BY 1") == "fast|2 slow|8");
    CHECK(setup.problems() == "");
}

TEST_CASE("dead letters: a COMMIT without an answer is settled, either way") {
    const LettersSetup setup;
    setup.exec(
        "CREATE FUNCTION wait_for_key() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " PERFORM pg_advisory_xact_lock_shared(42); RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON sluice.dead_letter_history"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_for_key()");
    setup.reject(0, 0, 30);
    const fixture::Postgres& server = fixture::shared_postgres();
    fixture::TcpProxy proxy(server.port());
    fixture::PgConnection key = server.connect(setup.database);
    key.exec("SELECT pg_advisory_lock(42)");
    // What waits here waits within note_outcomes() unless constraints are deferred again.
    Session session(server.dsn(setup.database, "postgres", proxy.port()), "retry");
    DeadLetterLoader loader(session, setup.ingest(), setup.table, "sluice");
    DeadLetterPass pass(session,
                        {.query = {.schema = "sluice", .pipeline = "p", .topic = "", .where = {}},
                         .by = {"w", "r"}},
                        [&](const auto& letters) {
                            loader.prepare(letters);
                            return [&] {
                                auto outcomes = loader.load();
                                session.run("SET CONSTRAINTS ALL DEFERRED");
                                return outcomes;
                            };
                        });
    const auto sessions_that_wait = [&](const std::string& what) {
        return server.value("SELECT count(*) FROM pg_stat_activity WHERE datname = '" +
                            setup.database + "' AND wait_event_type = 'Lock' AND query LIKE '" +
                            what + "%'");
    };
    std::optional<DeadLetterCounts> counts;
    std::thread retry([&] { counts = pass.next(1000); });
    fixture::wait_until([&] { return sessions_that_wait("COMMIT") == "1"; }, fixture::patient(10s),
                        "COMMIT waits");
    proxy.reset_connections();
    fixture::wait_until([&] { return sessions_that_wait("SELECT pg_advisory_xact_lock") == "1"; },
                        fixture::patient(10s), "settling waits for the old transaction");
    SUBCASE("it had committed") {
        key.exec("SELECT pg_advisory_unlock(42)");
    }
    SUBCASE("it had not") {
        server.exec(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COMMIT%'"
            " AND wait_event_type = 'Lock' AND datname = '" +
            setup.database + "'");
        key.exec("SELECT pg_advisory_unlock(42)");
    }
    retry.join();
    REQUIRE(counts);
    CHECK(counts->loaded == 30);
    CHECK(!pass.next(1000));
    CHECK(setup.list("SELECT count(*), count(DISTINCT offs) FROM t") == "30|30");
    CHECK(setup.problems() == "");
}

TEST_CASE("dead letters: a table that changes between two pages gets no other values") {
    const LettersSetup setup;
    setup.reject(0, 0, 100);
    Retrier retrier(setup);
    REQUIRE(retrier.pass.next(50)->loaded == 50);
    setup.exec("ALTER TABLE t ALTER id TYPE double precision");
    CHECK_THROWS_WITH_AS(static_cast<void>(retrier.pass.next(50)),
                         doctest::Contains("column \"id\" has changed"), TroubleOfTheWorld);
    CHECK(setup.value("SELECT count(*) FROM t") == "50");
    CHECK(open_letters(setup) == 50);
    Session session(setup.dsn, "retry");
    DeadLetterLoader anew(session, setup.ingest(), read_table(session, "t"), "sluice");
    DeadLetterPass pass(session,
                        {.query = {.schema = "sluice", .pipeline = "p", .topic = "", .where = {}},
                         .by = {"w", "r"}},
                        [&](const auto& letters) {
                            anew.prepare(letters);
                            return [&] { return anew.load(); };
                        });
    REQUIRE(pass.next(1000)->loaded == 50);
    CHECK(setup.value("SELECT count(*) FROM t WHERE id = offs") == "100");
    CHECK(setup.problems() == "");
}

TEST_CASE("dead letters: one that is refused by an odd code stops no others, and stays") {
    const LettersSetup setup;
    setup.add_trigger("BEFORE INSERT ON t FOR EACH ROW",
                      "IF NEW.id = 7 THEN RAISE 'not this one' USING ERRCODE = '42501'; END IF;"
                      " RETURN NEW;");
    setup.reject(0, 0, 10);
    Retrier retrier(setup);
    const DeadLetterCounts counts = retrier.all();
    CHECK(counts.loaded == 9);
    CHECK(counts.rejected == 1);
    // Nor is it any other way when it is alone.
    Retrier again(setup);
    CHECK(again.all().rejected == 1);
    CHECK(setup.list("SELECT kafka_offset, retries, reasons->0->>'reason'"
                     " FROM sluice.open_dead_letter") == "7|2|not this one");
    CHECK(setup.problems() == "");
}

TEST_CASE("dead letters: a page ends at its bytes, and one that is larger comes alone") {
    const LettersSetup setup;
    setup.reject(0, 0, 3, std::string(100'000, ' ') + "{}");
    setup.reject(1, 0, 1, std::string(1'000'000, ' ') + "{}");
    setup.reject(2, 0, 3);
    Session session(setup.dsn, "read");
    const DeadLetterQuery all{.schema = "sluice", .pipeline = "p", .topic = "", .where = {}};
    std::string sizes;
    std::vector<WholeDeadLetter> page;
    std::optional<DeadLetter> behind;
    do {
        page = read_dead_letters(
            session, all, {.after = behind ? &*behind : nullptr, .limit = 100, .bytes = 150'000});
        sizes += std::to_string(page.size()) + " ";
        if (!page.empty()) behind = page.back();
    } while (!page.empty());
    CHECK(sizes == "2 2 3 0 ");
}

TEST_CASE("dead letters: a position that was rejected twice is two dead letters") {
    const LettersSetup setup;
    setup.reject(0, 0, 5);
    Retrier retrier(setup);
    REQUIRE(retrier.all().loaded == 5);
    setup.move_progress(0, 0);
    setup.reject(0, 0, 5);
    CHECK(open_letters(setup) == 5);
    Retrier again(setup);
    CHECK(again.all().loaded == 5);
    CHECK(open_letters(setup) == 0);
}

TEST_CASE("dead letters: settled ones are purged after a while, and the account stays true") {
    const LettersSetup setup(", CHECK (id < 15)");
    setup.reject(0, 0, 20);
    Retrier retrier(setup);
    REQUIRE(retrier.all().loaded == 15);
    Session session(setup.dsn, "purge");
    CHECK(purge_dead_letters(session, "sluice", "p", std::chrono::hours(1)).letters == 0);
    {
        fixture::PgConnection owner = fixture::shared_postgres().connect(setup.database);
        fixture::install_mpp_locks(owner, "sluice.dead_letter");
        owner.exec(
            "BEGIN; INSERT INTO sluice.dead_letter SELECT * FROM sluice.dead_letter"
            " LIMIT 0");
        const Purged busy = purge_dead_letters(session, "sluice", "p", std::chrono::seconds(0));
        CHECK(busy.gave_way);
        CHECK(busy.letters == 0);
    }
    CHECK(purge_dead_letters(session, "sluice", "p", std::chrono::seconds(0)).letters == 15);
    CHECK(setup.value("SELECT count(*) FROM sluice.dead_letter") == "5");
    CHECK(open_letters(setup) == 5);
    CHECK(setup.problems() == "");
    fixture::shared_postgres().create_role("loader");
    setup.exec("GRANT USAGE ON SCHEMA sluice TO loader");
    Session loader(fixture::shared_postgres().dsn(setup.database, "loader"), "purge");
    CHECK(purge_dead_letters(loader, "sluice", "p", std::chrono::seconds(0)).letters == 0);
}

}  // namespace
}  // namespace sluice::test
