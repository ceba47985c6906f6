#include "sinks/outbox/outbox_store.h"

#include "pipeline/errors.h"
#include "sinks/schema/schema.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <future>
#include <memory>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using fixture::shared_postgres;

constexpr const char* database = "outbox_store";

std::string value(const std::string& sql) {
    return shared_postgres().value(sql, database);
}

/// An outbox, and what a relay makes of it, as often as one starts.
class StoreSetup {
public:
    StoreSetup(const std::string& id_type, const std::string& rows) {
        shared_postgres().create_database(database);
        Session session(shared_postgres().dsn(database), "test");
        ensure_schema(session, "sluice");
        session.run("CREATE TABLE outbox (id " + id_type +
                    " PRIMARY KEY, payload text, headers text, kind text); INSERT INTO outbox " +
                    rows);
        config::Outbox outbox;
        outbox.name = "events";
        outbox.table = "outbox";
        outbox.topic = {{config::TopicPiece::Kind::text, "topic"}};
        outbox.headers = {{.header = "kind", .column = "kind"}};
        table = read_outbox_table(session, outbox);
    }
    [[nodiscard]] std::unique_ptr<CloudberryOutbox> store() const {
        return std::make_unique<CloudberryOutbox>(shared_postgres().dsn(database),
                                                  RelayIdentity{.relay = "events", .writer = "w"},
                                                  table);
    }

    OutboxTable table;
};

TEST_CASE("outbox store: a batch is found again though its ids are written in another way") {
    const StoreSetup setup("timestamptz",
                           "SELECT '2026-01-01 00:00+00'::timestamptz + i * interval '1 h', i"
                           " FROM generate_series(1, 100) i");
    auto store = setup.store();
    store->begin_sweep(0);
    EventBatch events = store->read({.rows = 1000, .bytes = 1u << 20});
    REQUIRE(events.events().size() == 100);
    const std::string id{events.events().front().id};
    CHECK(store->claim(1, 0, events) == ClaimResult::claimed);
    shared_postgres().exec(
        std::string("ALTER DATABASE ") + database + " SET timezone = 'Asia/Kathmandu'", database);
    store = setup.store();
    auto claimed = store->claimed_above(0);
    REQUIRE(claimed.size() == 1);
    claimed.front().refused = {42, 7};
    const EventBatch found = store->read_claimed(claimed.front());
    REQUIRE(found.events().size() == 100);
    CHECK(found.events().front().id != id);
    for (int i = 0; i < 100; ++i) {
        const OutboxEvent& event = found.events()[static_cast<std::size_t>(i)];
        CHECK(event.place == i);
        CHECK(event.value == std::to_string(i + 1));
        CHECK(event.refused == (i == 7 || i == 42));
        CHECK(event.headers.size() == 1);
    }
}

TEST_CASE("outbox store: a read of any length is interrupted, and nothing of it remains") {
    StoreSetup setup("int", "SELECT i, i FROM generate_series(1, 100) i");
    setup.table.qualified = "(SELECT i.*, pg_sleep(0.5)::text AS slept FROM outbox i)";
    const auto store = setup.store();
    auto read = std::async(std::launch::async, [&] {
        store->begin_sweep(0);
        return store->read({.rows = 1000, .bytes = 1u << 20});
    });
    const std::string reading =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state ="
        " 'active' AND query LIKE 'COPY%'";
    fixture::wait_until([&] { return value(reading) == "1"; }, 20s, "the read");
    store->interrupt();
    REQUIRE(read.wait_for(fixture::patient(20s)) == std::future_status::ready);
    CHECK(read.get().empty());
    CHECK(value(reading) == "0");
    ClaimedBatch claimed;
    claimed.ids = {"1", "2"};
    CHECK_THROWS_AS(static_cast<void>(store->read_claimed(claimed)), TroubleOfTheWorld);
}

TEST_CASE("outbox store: after one connection is found broken, both are made anew") {
    const StoreSetup setup("int", "SELECT i, i FROM generate_series(1, 100) i");
    const auto store = setup.store();
    const auto sweep = [&] {
        store->begin_sweep(0);
        const std::size_t rows = store->read({.rows = 1000, .bytes = 1u << 20}).events().size();
        store->end_sweep();
        return rows;
    };
    CHECK(store->last_claimed() == 0);
    CHECK(sweep() == 100);
    value(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname ="
        " current_database() AND application_name LIKE 'sluice/events%'");
    CHECK_THROWS_AS(store->last_claimed(), TroubleOfTheWorld);
    store->end_sweep();
    CHECK(sweep() == 100);
    CHECK(store->last_claimed() == 0);
}

TEST_CASE("outbox store: of an event whose headers are none, the other headers are kept") {
    const StoreSetup setup("int", "VALUES (1, 'x', '{', 'made')");
    const auto store = setup.store();
    store->begin_sweep(0);
    EventBatch events = store->read({.rows = 10, .bytes = 1000});
    CHECK(store->claim(1, 0, events) == ClaimResult::claimed);
    const auto refusals = read_headers(events);
    CHECK(store->refuse(1, 1, events, refusals) == DecisionResult::decided);
    CHECK(value("SELECT headers FROM sluice.refused_event") == "{");
    const std::string detail = value("SELECT detail FROM sluice.refused_event");
    CHECK_MESSAGE(detail.find("\"made\"") != std::string::npos, detail);
    // Claimed anew, it comes from where it is kept.
    Session session(shared_postgres().dsn(database), "test");
    const RelayIdentity identity{.relay = "events", .writer = "w"};
    const Claim retry{
        .number = 2, .last = 1, .kind = ClaimedBatch::Kind::retry, .ids = {"1:9", "1:0"}};
    CHECK(insert_claim(session, identity, retry) == ClaimResult::claimed);
    const auto claimed = store->claimed_above(1);
    REQUIRE(claimed.size() == 1);
    const EventBatch again = store->read_claimed(claimed.front());
    REQUIRE(again.events().size() == 1);
    CHECK(again.events().front().place == 1);
    CHECK(again.events().front().id == "1");
    CHECK(again.events().front().headers_json == "{");
    CHECK(again.events().front().headers.empty());
}

}  // namespace
}  // namespace sluice
