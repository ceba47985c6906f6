#include "sinks/outbox/refused_events.h"

#include "pipeline/errors.h"
#include "sinks/schema/schema.h"
#include "tests/fixture/daemon.h"
#include "tests/fixture/postgres.h"

#include <doctest/doctest.h>

#include <thread>

namespace sluice {
namespace {

using fixture::shared_postgres;
using Decision = RefusedEventPass::Decision;

constexpr const char* database = "refused";

/// Sluice's tables, with refused events 1 to 10 of relay "r" in batch 5, and claims up to 7.
void prepare() {
    shared_postgres().create_database(database);
    Session session(shared_postgres().dsn(database), "test");
    ensure_schema(session, "sluice");
    session.run(
        "INSERT INTO sluice.refused_event (relay, batch, place, id, topic, value, timestamp_ms,"
        " reason, detail) SELECT 'r', 5, i, 'id ' || i, CASE WHEN i > 2 THEN 'topic ' || i % 2 END,"
        " convert_to('v', 'UTF8'), -1, CASE WHEN i > 2 THEN 'unknown_topic' ELSE 'no_topic' END,"
        " 'why' FROM generate_series(1, 10) i;"
        "INSERT INTO sluice.outbox_batch (relay, batch, round, kind, ids, writer, revision)"
        " SELECT 'r', i, 0, 'claim', '{}', 'w', '' FROM generate_series(5, 7) i");
}

std::string value(const std::string& sql) {
    return shared_postgres().value(sql, database);
}

std::int64_t decide(Session& session, Decision decision, const std::string& where = "") {
    RefusedEventQuery query{.relay = "r"};
    if (!where.empty()) {
        query.where =
            std::get<config::Condition>(config::parse_where(where, refused_event_fields()));
    }
    RefusedEventPass pass(session, {.query = query, .decision = decision, .writer = "test"});
    std::int64_t all = 0;
    while (const auto page = pass.next()) all += *page;
    return all;
}

TEST_CASE("refused events: a retry claims open ones once, under the next batch's number") {
    prepare();
    Session session(shared_postgres().dsn(database), "test");
    CHECK(decide(session, Decision::send_again, "topic = 'topic 0'") == 4);
    CHECK(value("SELECT batch || ' ' || round || ' ' || ids::text FROM sluice.outbox_batch"
                " WHERE kind = 'retry'") == "8 0 {5:4,5:6,5:8,5:10}");
    const RefusedEventCount count = count_refused_events(session, {.relay = "r"});
    CHECK(count.open == 6);
    CHECK(count.claimed == 4);
    session.exec(
        "INSERT INTO sluice.refused_event (relay, batch, place, id, timestamp_ms, reason, detail)"
        " VALUES ('other', 5, 4, 'id', -1, 'no_topic', '')");
    CHECK(count_open_refused_events(session, "sluice") ==
          std::map<std::string, std::int64_t>{{"other", 1}, {"r", 6}});
    CHECK(decide(session, Decision::send_again, "topic = 'topic 0'") == 0);
    CHECK(decide(session, Decision::send_again) == 6);
    CHECK(value("SELECT count(*) FROM sluice.outbox_batch WHERE kind = 'retry'") == "2");
    const auto newest = newest_refused_events(session, {.relay = "r"}, 2);
    REQUIRE(newest.size() == 2);
    CHECK(newest[0].id == "id 10");
    CHECK(newest[0].claimed);
}

TEST_CASE("refused events: two who retry at once, while a relay claims, claim each event once") {
    prepare();
    std::int64_t claimed[2] = {0, 0};
    {
        std::jthread relay([] {
            Session session(shared_postgres().dsn(database), "relay");
            for (int i = 0; i < 50; ++i) {
                session.exec(
                    "INSERT INTO sluice.outbox_batch (relay, batch, round, kind, ids, writer,"
                    " revision) SELECT 'r', max(batch) + 1, 0, 'claim', '{}', 'w', '' FROM"
                    " sluice.outbox_batch ON CONFLICT DO NOTHING");
            }
        });
        std::vector<std::jthread> people;
        for (std::int64_t& mine : claimed) {
            people.emplace_back([&mine] {
                Session session(shared_postgres().dsn(database), "person");
                mine = decide(session, Decision::send_again, "reason = 'unknown_topic'");
            });
        }
    }
    CHECK(claimed[0] + claimed[1] == 8);
    CHECK(value("SELECT count(*) || ' ' || count(DISTINCT id) FROM (SELECT unnest(ids) AS id FROM"
                " sluice.outbox_batch WHERE kind = 'retry') c") == "8 8");
}

TEST_CASE("refused events: behind the mark no retry is claimed, since it would count as sent") {
    prepare();
    Session session(shared_postgres().dsn(database), "test");
    RefusedEventPass pass(session, {.query = {.relay = "r"}, .writer = "test", .mark = 8});
    CHECK_THROWS_WITH_AS(static_cast<void>(pass.next()), doctest::Contains("the books end at 7"),
                         LostProgress);
    CHECK(value("SELECT count(*) FROM sluice.outbox_batch WHERE kind = 'retry'") == "0");
}

TEST_CASE("refused events: discarding deletes the open ones that are meant") {
    prepare();
    Session session(shared_postgres().dsn(database), "test");
    CHECK(decide(session, Decision::send_again, "id = 'id 3'") == 1);
    CHECK(decide(session, Decision::discard, "batch = 5 and topic is not null") == 7);
    CHECK(value("SELECT string_agg(id, ',' ORDER BY place) FROM sluice.refused_event") ==
          "id 1,id 2,id 3");
}

TEST_CASE("refused events: the command lists them, asks before it acts, and knows the relays") {
    prepare();
    const fixture::TempDir dir("refused");
    const auto file = dir.path() / "sluice.toml";
    fixture::write_file(file, "[kafka]\nbrokers = \"127.0.0.1:1\"\n[cloudberry]\ndsn = \"" +
                                  shared_postgres().dsn(database) + "\"\n");
    const auto outbox = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"outbox", "-c", file.string()});
        return fixture::run_sluice(arguments);
    };
    const auto listed = outbox({"list", "r", "--where", "id = 'id 2'"});
    CHECK_MESSAGE(listed.exit_code == 0, listed.err);
    CHECK(listed.out.find("id 2                    open   no_topic  why") != std::string::npos);
    CHECK(listed.out.find("1 open, 0 to be sent again\n") != std::string::npos);
    const auto asked = outbox({"discard", "r"});
    CHECK(asked.exit_code == 2);
    CHECK(asked.err == "sluice outbox: --yes is needed to discard 10 refused events\n");
    const auto retried = outbox({"retry", "r", "--yes"});
    CHECK(retried.exit_code == 2);
    CHECK(retried.err == "sluice outbox: there is no [outbox.r] to send them again\n");
    const auto discarded = outbox({"discard", "r", "--yes", "--output", "json"});
    CHECK(discarded.out == "{\"discarded\":10}\n");
    CHECK(outbox({"list", "nobody"}).err ==
          "sluice outbox: there is no [outbox.nobody], and no refused event of one\n");
    CHECK(outbox({"show", "r"}).exit_code == 2);
    CHECK(outbox({"list", "r", "--where", "color = 3"}).exit_code == 2);
}

}  // namespace
}  // namespace sluice
