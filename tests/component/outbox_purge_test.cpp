#include "sinks/outbox/outbox_purge.h"

#include "sinks/schema/schema.h"
#include "tests/fixture/postgres.h"

#include <doctest/doctest.h>

namespace sluice {
namespace {

using fixture::shared_postgres;

constexpr const char* database = "outbox_purge";

std::string value(const std::string& sql) {
    return shared_postgres().value(sql, database);
}

/// An outbox of rows 1 to 6000, which batches 1 (1 to 100) and 2 (the rest) of relay "r" claimed.
void prepare() {
    shared_postgres().create_database(database);
    Session session(shared_postgres().dsn(database), "test");
    ensure_schema(session, "sluice");
    session.run(
        "CREATE TABLE outbox (id int PRIMARY KEY, payload text);"
        "INSERT INTO outbox SELECT i, 'old' FROM generate_series(1, 6000) i;"
        "INSERT INTO sluice.outbox_batch (relay, batch, round, kind, ids, writer, revision) SELECT"
        " 'r', CASE WHEN id <= 100 THEN 1 ELSE 2 END, 0, 'claim', array_agg(id::text ORDER BY id),"
        " 'w', '' FROM outbox GROUP BY 2");
}

CloudberryOutboxPurge purge(const std::string& id_type = "int") {
    return CloudberryOutboxPurge({.dsn = shared_postgres().dsn(database),
                                  .identity = {.relay = "r", .writer = "w"},
                                  .table = {.name = "outbox",
                                            .qualified = "outbox",
                                            .id = "id",
                                            .id_type = id_type,
                                            .select = "",
                                            .order = "id",
                                            .headers = {}}});
}

TEST_CASE("purge: a new one goes on where the old one died, and no id is deleted twice") {
    prepare();
    auto first = purge();
    CHECK(first.step(2).rows == 1000);
    CHECK(first.step(2).more);
    shared_postgres().exec("INSERT INTO outbox VALUES (50, 'new'), (6000, 'new')", database);
    auto second = purge();
    CHECK(second.purged() == 1);
    PurgeStep step;
    do {
        step = second.step(2);
    } while (step.more);
    CHECK(step.purged == 2);
    CHECK(value("SELECT string_agg(id || payload, ',' ORDER BY id) FROM outbox") ==
          "50new,6000new");
}

TEST_CASE("purge: a zombie that knows less than the notes deletes nothing") {
    prepare();
    auto zombie = purge();
    CHECK(zombie.purged() == 0);
    auto working = purge();
    while (working.step(2).more) {
    }
    shared_postgres().exec("INSERT INTO outbox VALUES (1, 'new')", database);
    CHECK(zombie.step(2).gave_way);
    CHECK(zombie.step(2).rows == 0);
    CHECK(zombie.step(2).purged == 2);
    CHECK(value("SELECT count(*) FROM outbox") == "1");
}

TEST_CASE("purge: of a long backlog only what comes next is in memory") {
    shared_postgres().create_database(database);
    Session session(shared_postgres().dsn(database), "test");
    ensure_schema(session, "sluice");
    // Ids that no compression makes small: 700 KB a batch.
    session.run(
        "CREATE TABLE outbox (id text PRIMARY KEY, batch int);"
        "INSERT INTO outbox SELECT md5(i::text), 1 + i / 20000 FROM generate_series(0, 99999) i;"
        "INSERT INTO sluice.outbox_batch (relay, batch, round, kind, ids, writer, revision) SELECT"
        " 'r', batch, 0, 'claim', array_agg(id ORDER BY id), 'w', '' FROM outbox GROUP BY 2");
    auto long_purge = purge("text");
    CHECK(long_purge.step(5).more);
    // What it does not know yet, it finds changed.
    session.run("UPDATE sluice.outbox_batch SET ids = '{}' WHERE batch >= 4");
    PurgeStep step;
    do {
        step = long_purge.step(5);
    } while (step.more);
    CHECK(step.purged == 5);
    CHECK(value("SELECT count(*) || ',' || min(batch) FROM outbox") == "40000,4");
}

}  // namespace
}  // namespace sluice
