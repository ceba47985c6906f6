#include "tests/component/kitchen.h"

using namespace sluice::fixture;

// Nothing was released yet: the oldest tables that anybody has are those of version 1.
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
