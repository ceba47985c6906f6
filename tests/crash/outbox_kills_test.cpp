#include "tests/crash/kills.h"
#include "tests/crash/outbox_scenario.h"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <set>

using namespace sluice::crash;
using namespace sluice::fixture;

namespace {

/// What every batch passes, in this order.
const std::vector<std::string> of_batches = {"outbox_after_read",   "outbox_after_claim",
                                             "outbox_before_mark",  "outbox_after_send",
                                             "outbox_after_commit", "outbox_after_purge_rows"};
const std::vector<std::string> of_starts = {"outbox_after_start"};
/// What only some pass: test cases of their own.
const std::vector<std::string> others = {"outbox_after_take_over", "outbox_after_refusal"};

}  // namespace

TEST_CASE("outbox: a row reaches a read_committed reader, once") {
    OutboxScenario scenario;
    scenario.write(1);
    scenario.start();
    CHECK(scenario.verdict() == "");
    scenario.write(1000);
    CHECK(scenario.verdict() == "");
    CHECK(scenario.sent() == 1001);
    CHECK(scenario.daemon().stop() == 0);
}

TEST_CASE("outbox: its judge sees what is lost, doubled, foreign or out of order") {
    OutboxScenario scenario;
    scenario.write(10);
    scenario.start();
    REQUIRE(scenario.verdict() == "");
    scenario.exec("insert into truth values ('9-9')");
    CHECK(scenario.judge().find("9-9 was sent 0 times") != std::string::npos);
    scenario.exec("delete from truth where value = '9-9' or value = '1-3'");
    CHECK(scenario.judge().find("1-3 was never committed") != std::string::npos);
    scenario.exec(
        "insert into truth values ('1-3'); insert into outbox (key, payload) values ('k1', "
        "'1-3')");
    const std::string doubled = scenario.verdict();
    CHECK(doubled.find("1-3 was sent 2 times") != std::string::npos);
    CHECK(doubled.find("1-3 came after 9") != std::string::npos);
}

TEST_CASE("outbox, kill -9: the list of fail points is complete") {
    std::set<std::string> known;
    for (const auto& list : {of_batches, of_starts, others}) known.insert(list.begin(), list.end());
    std::set<std::string> found = fail_points();
    std::erase_if(found, [](const auto& point) { return !point.starts_with("outbox_"); });
    CHECK(found == known);
}

TEST_CASE("outbox, kill -9: at every line that a batch passes, at the first and at a later one") {
    OutboxScenario scenario;
    for (const std::string& point : of_starts) kill_at(scenario, point);
    for (const std::string& point : of_batches) {
        // A purge takes many batches at once, but not all of these.
        const bool purge = point == "outbox_after_purge_rows";
        for (const char* hit : {":1", purge ? ":2" : ":3"}) {
            scenario.write(1200);
            kill_at(scenario, point + hit);
        }
    }
    scenario.write(100);
    scenario.start();
    CHECK(scenario.verdict() == "");
}

TEST_CASE("outbox, kill -9: while a batch of the one before is taken over, again and again") {
    OutboxScenario scenario;
    scenario.write(500);
    kill_at(scenario, "outbox_after_send");
    kill_at(scenario, "outbox_after_take_over");
    kill_at(scenario, "outbox_after_take_over");
    kill_at(scenario, "outbox_before_mark");
    kill_at(scenario, "outbox_after_commit");
    scenario.start();
    CHECK(scenario.verdict() == "");
}

TEST_CASE("outbox, kill -9: a refusal is there once, with its batch") {
    OutboxScenario scenario;
    scenario.write(100);
    scenario.exec("insert into outbox (partition, payload) values (99, 'poison')");
    scenario.write(100);
    kill_at(scenario, "outbox_after_refusal");
    kill_at(scenario, "outbox_before_mark");
    scenario.start();
    CHECK(scenario.verdict() == "");
    CHECK(scenario.value("select count(*) || reason from sluice.refused_event group by reason") ==
          "1bad_partition");
}

TEST_CASE("outbox, kill -9: at random moments, while applications write") {
    for_rounds([](std::mt19937& random) {
        OutboxOptions options;
        options.batch_rows = 5 + static_cast<int>(random() % 200);
        options.ids = std::array{OutboxOptions::Ids::mixed, OutboxOptions::Ids::serial,
                                 OutboxOptions::Ids::uuid}[random() % 3];
        if (random() % 2 == 0) options.locks = OutboxOptions::Locks::of_mpp;
        OutboxScenario scenario(options);
        scenario.start_writing(3, 5ms);
        kill_at_random_moments(scenario, random, 6);
        scenario.stop_writing();
        scenario.start();
        REQUIRE(scenario.verdict(std::chrono::seconds(120)) == "");
    });
}
