#include "tests/component/sql_stage.h"
#include "tests/fixture/kafka_reader.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>

using namespace sluice::fixture;
using namespace std::chrono_literals;

TEST_CASE("writable outages: while the broker is away the segment waits, and is told in the end") {
    KafkaBroker broker;
    broker.admin().create_topic("alerts", 1);
    SqlStage site("writable_away", broker);
    site.exec("create table rows (id int)");
    site.write_configuration("sql_writable = [\"alerts\"]\n",
                             "[ingest.rows]\ntopic = \"alerts\"\ntable = \"rows\"\n",
                             "[kafka.properties]\n\"message.timeout.ms\" = 5000\n");
    site.start();
    const std::string path = site.path({"--topic", "alerts", "--writable"});
    const SegmentAsks waits = site.statement(path);
    const SegmentAsks fails = site.statement(path);
    for (const SegmentAsks& asks : {waits, fails})
        REQUIRE(post_block(site.port, asks, 1, "").status == 200);
    broker.freeze();
    const BlockAnswer told = post_block(site.port, fails, 2, "lost,,,,\n");
    CHECK(told.status == 503);
    CHECK(told.why.find("Kafka does not take the message") != std::string::npos);
    BlockAnswer taken;
    std::thread other([&] { taken = post_block(site.port, waits, 2, "kept,,,,\n"); });
    broker.thaw();
    other.join();
    CHECK_MESSAGE(taken.status == 200, taken.why);
    broker.kill();
    const BlockAnswer first = post_block(site.port, site.statement(path), 1, "");
    CHECK(first.status == 503);
    broker.start();
    CHECK(post_block(site.port, site.statement(path), 1, "").status == 200);
}

TEST_CASE(
    "writable outages: what a daemon that is killed has acknowledged is there, the INSERT fails") {
    shared_broker().admin().create_topic("killed", 1);
    SqlStage site("writable_killed");
    site.exec("create table rows (id int)");
    site.write_configuration("sql_writable = [\"killed\"]\n",
                             "[ingest.rows]\ntopic = \"killed\"\ntable = \"rows\"\n");
    site.start();
    const SegmentAsks asks = site.statement(site.path({"--topic", "killed", "--writable"}));
    CHECK(post_block(site.port, asks, 1, "").status == 200);
    CHECK(post_block(site.port, asks, 2, "first,,,,\n").status == 200);
    site.daemon->kill();
    site.daemon->start();
    wait_until([&] { return post_block(site.port, asks, 3, "second,,,,\n").status != 0; },
               patient(30s), "the daemon");
    const BlockAnswer refused = post_block(site.port, asks, 3, "second,,,,\n");
    CHECK(refused.status == 409);
    CHECK(refused.why.find("it was started anew") != std::string::npos);
    const auto records = read_topic(shared_broker().client(), "killed");
    REQUIRE(records.size() == 1);
    CHECK(records[0].value == "first");
}
