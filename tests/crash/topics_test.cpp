#include "tests/crash/scenario.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

using namespace sluice::crash;
using namespace sluice::fixture;

namespace {

void go_on_at_earliest(Scenario& scenario) {
    ScenarioOptions options = scenario.options();
    options.ingest = "on_offset_lost = \"earliest\"\n";
    scenario.configure(options);
    CHECK(scenario.daemon().stop() == 0);
    scenario.start();
}

}  // namespace

TEST_CASE("partitions: new ones are picked up and read from their beginning") {
    ScenarioOptions options;
    options.partitions = 2;
    SUBCASE("start = earliest") {}
    SUBCASE("start = latest") {
        options.ingest = "start = \"latest\"\n";
    }
    Scenario scenario(options);
    scenario.start();
    wait_until([&] { return scenario.is_loaded(); }, patient(30s), "the anchors");
    scenario.produce(1000);
    scenario.add_partitions(5);
    scenario.produce(2000);
    CHECK(scenario.verdict() == "");
    CHECK(scenario.value("select count(distinct kpart) from orders") == "5");
}

TEST_CASE("topic: deleted and created anew, the pipeline stops with the choice in words") {
    Scenario scenario;
    scenario.produce(2000);
    scenario.start();
    scenario.wait_until_loaded();
    CHECK(scenario.daemon().stop() == 0);
    scenario.recreate_topic();
    SUBCASE("with less in it than was read") {
        scenario.produce(200);
    }
    SUBCASE("with more in it than was read") {
        scenario.produce(5000);
    }
    const std::int64_t rows = scenario.rows();
    scenario.start();
    scenario.wait_for_log("the topic was deleted and created anew");
    scenario.wait_for_log("on_offset_lost");
    CHECK(scenario.daemon().running());
    CHECK(scenario.rows() == rows);
    go_on_at_earliest(scenario);
    CHECK(scenario.verdict() == "");
}

TEST_CASE("topic: deleted and created anew while the daemon reads it") {
    ScenarioOptions options;
    options.ingest = "on_offset_lost = \"earliest\"\n";
    Scenario scenario(options);
    scenario.produce(2000);
    scenario.start();
    scenario.wait_until_loaded();
    scenario.recreate_topic();
    scenario.produce(200);
    CHECK(scenario.verdict() == "");
    CHECK(scenario.daemon().running());
}

TEST_CASE("retention: what was deleted before it was read is a choice, and in the ledger") {
    Scenario scenario;
    scenario.produce(2000);
    scenario.start();
    scenario.wait_until_loaded();
    CHECK(scenario.daemon().stop() == 0);
    const std::int64_t read = world().broker->admin().end_offsets(scenario.topic())[1];
    scenario.produce(2000);
    const std::int64_t end = world().broker->admin().end_offsets(scenario.topic())[1];
    REQUIRE(end > read + 10);
    SUBCASE("some of it") {
        scenario.delete_records(1, read + 7);
    }
    SUBCASE("all of it") {
        scenario.delete_records(1, end);
    }
    SUBCASE("only what was read") {
        scenario.delete_records(1, read);
    }
    const std::int64_t lost = world().broker->admin().begin_offsets(scenario.topic())[1] - read;
    scenario.start();
    if (lost > 0) {
        scenario.wait_for_log("before they were read");
        scenario.wait_for_log("on_offset_lost");
        CHECK(scenario.daemon().running());
        go_on_at_earliest(scenario);
    }
    CHECK(scenario.verdict() == "");
    CHECK(scenario.value("select coalesce(sum(lost), 0) from sluice.ledger") ==
          std::to_string(lost));
}
