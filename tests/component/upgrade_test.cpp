#include "tests/component/kitchen.h"

#include <cstdlib>

using namespace sluice::fixture;

// From the oldest tables that anybody has.
TEST_CASE("upgrade: live tables of the oldest version are taken over, and each row is there once") {
    Kitchen kitchen("upgrade");
    shared_broker().admin().create_topic("upgraded", 1);
    kitchen.produce("upgraded", 0, 20);
    kitchen.sql(read_file(source_dir() + "/conformance/tables_v1.sql"));
    // What the old program had loaded; at 4 it found a record that is no row.
    const std::string of_partition =
        "'orders', '" + shared_broker().admin().cluster_id() + "', 'upgraded', 0, ";
    kitchen.sql(
        "create table orders (id bigint); insert into orders select generate_series(0, 9)"
        " except select 4;"
        "insert into sluice.progress (pipeline, cluster_id, topic, kafka_partition, next_offset,"
        " anchor_offset, writer) values (" +
        of_partition + "10, 0, 'old'); insert into sluice.ledger values (" + of_partition +
        "0, 0, 10, 9, 1, 0, 0, 0, 'batch', 'old', 'r');"
        "insert into sluice.dead_letter (pipeline, cluster_id, topic, kafka_partition, incarnation,"
        " kafka_offset, value, reasons) values (" +
        of_partition + R"(0, 4, '{"id": 4}', '[{"column": "id", "reason": "is away"}]'))");
    kitchen.configure("[ingest.orders]\ntopic = \"upgraded\"\ntable = \"public.orders\"\n");
    kitchen.start();
    kitchen.until_rows("orders", 19);
    kitchen.sluice({"dead-letters", "retry", "orders", "--yes"});
    kitchen.check_ids("orders", 20);
    kitchen.stop();
    kitchen.sluice({"verify"});
    CHECK(kitchen.value("select max(version) > 1 from sluice.schema_version") == "t");
}

// Until a version is tagged there is no such program; tests/upgrade/run.sh finds it, and builds it.
TEST_CASE("upgrade: what the last released program does when it is killed, this one goes on with") {
    const char* const released = std::getenv("SLUICE_RELEASED");
    if (released == nullptr) {
        MESSAGE("no version was tagged yet");
        return;
    }
    CHECK(contains(run({.argv = {released, "version"}}, 60s).out,
                   std::string("sluice ") + std::getenv("SLUICE_RELEASED_VERSION")));
    Kitchen kitchen("released");
    shared_broker().admin().create_topic("released", 1);
    shared_broker().admin().create_topic("sent", 1);
    kitchen.sql(
        "create table orders (id bigint); create table outbox (id bigserial primary key, topic text"
        " not null, key text, payload text)");
    kitchen.configure(
        "[ingest.orders]\ntopic = \"released\"\ntable = \"public.orders\"\n"
        "batch = { rows = 10, delay = \"20ms\" }\n[outbox.events]\ntable = \"public.outbox\"\n");
    const auto write_events = [&] {
        kitchen.sql(
            "insert into outbox (topic, payload) select 'sent', '{}' from generate_series(1, 20)");
    };
    Process before({.argv = {released, "run", "-c", kitchen.file().string()}});
    kitchen.produce("released", 0, 100);
    kitchen.produce("released", 100, 101, R"(, "id": "none")");
    write_events();
    kitchen.until([&] { return kitchen.value("select count(*) >= 50 from orders") == "t"; },
                  "some of the rows");
    before.kill();

    kitchen.produce("released", 101, 200);
    write_events();
    kitchen.start();
    kitchen.until_rows("orders", 199);
    kitchen.check_ids("orders", 199);
    CHECK(kitchen.value("select count(*) from sluice.open_dead_letter") == "1");
    kitchen.until([&] { return kitchen.value("select count(*) from outbox") == "0"; },
                  "the events to be sent");
    kitchen.stop();
    kitchen.sluice({"verify"});
}
