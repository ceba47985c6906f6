#include "tests/crash/kills.h"
#include "tests/crash/scenario.h"

#include <doctest/doctest.h>

#include <random>
#include <set>

using namespace sluice::crash;
using namespace sluice::fixture;

namespace {

/// At every line of the write path: those that every batch passes.
const std::vector<std::string> of_batches = {"before_copy",     "after_target",  "after_copy",
                                             "before_progress", "before_commit", "after_commit",
                                             "during_isolation"};
const std::vector<std::string> of_starts = {"on_assigned", "after_anchor", "after_progress_read"};

}  // namespace

TEST_CASE("judge: a row lost, doubled or changed, a dead letter lost or a hole do not escape it") {
    Scenario scenario;
    scenario.produce(1000);
    scenario.start();
    REQUIRE(scenario.verdict() == "");
    CHECK(scenario.daemon().stop() == 0);
    const char* const tables[] = {"orders", "sluice.dead_letter", "sluice.ledger"};
    scenario.exec("create schema kept");
    for (const std::string table : tables)
        scenario.exec("create table kept." + table.substr(table.find('.') + 1) + " as table " +
                      table);
    struct Harm {
        const char* sql;
        bool seen_by_verify;
    };
    for (const Harm& harm : std::initializer_list<Harm>{
             {"delete from orders where id = 100", true},
             {"insert into orders select * from orders where id = 100", true},
             {"update orders set text = text || ' ' where id = 100", false},
             {"delete from sluice.dead_letter where key = '17'", true},
             {"update sluice.dead_letter set value = value || 'x' where key = '17'", false},
             {"delete from sluice.ledger where from_offset = 0", true},
             {"update sluice.ledger set loaded = loaded - 1, gaps = gaps + 1"
              " where from_offset = 0",
              true}}) {
        CAPTURE(harm.sql);
        scenario.exec(harm.sql);
        const std::string problems = scenario.judge();
        CHECK(problems != "");
        const bool seen = problems.find("sluice verify ends with 1") != std::string::npos;
        CHECK(seen == harm.seen_by_verify);
        for (const std::string table : tables)
            scenario.exec("truncate " + table + "; insert into " + table + " select * from kept." +
                          table.substr(table.find('.') + 1));
    }
    CHECK(scenario.judge() == "");
}

TEST_CASE("kill -9: the list of fail points is complete") {
    std::set<std::string> known{"on_revoked"};  // takes two daemons: zombies_test.cpp
    known.insert(of_batches.begin(), of_batches.end());
    known.insert(of_starts.begin(), of_starts.end());
    // component/dead_letters_command_test.cpp
    known.insert({"letters_read", "letters_loaded", "letters_noted", "letters_committed"});
    std::set<std::string> found = fail_points();
    std::erase_if(found, [](const auto& point) {
        return point.starts_with("outbox_") || point.starts_with("merge_") ||
               point.starts_with("sql_") || point.starts_with("segments_") ||
               point == "table_grown";  // growth_kills_test.cpp
    });
    CHECK(found == known);
}

TEST_CASE("kill -9: at every line that a batch passes, at the first and at a later one") {
    ScenarioOptions options;
    SUBCASE("records") {}
    SUBCASE("records in transactions, some aborted") {
        options.producer = ScenarioOptions::Producer::transactional;
    }
    Scenario scenario(options);
    for (const std::string& point : of_batches) {
        for (const char* hit : {":1", ":4"}) {
            scenario.produce(2500);
            kill_at(scenario, point + hit);
        }
    }
    scenario.produce(500);
    scenario.start();
    CHECK(scenario.verdict() == "");
}

TEST_CASE("kill -9: in the middle of a start") {
    for (const std::string& point : of_starts) {
        Scenario scenario;
        scenario.produce(1000);
        kill_at(scenario, point);
        scenario.start();
        CHECK(scenario.verdict() == "");
    }
}

TEST_CASE("kill -9: a named daemon's first new row comes seconds after its restart") {
    Scenario scenario;
    scenario.start_producing(2000);
    scenario.start();
    scenario.wait_for_more_rows();
    scenario.daemon().kill();
    const auto restarted = std::chrono::steady_clock::now();
    scenario.start();
    scenario.wait_until_serving("a", 1, std::chrono::seconds(10));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - restarted;
    MESSAGE("first new row after " << took.count() << " s");
    scenario.stop_producing();
    CHECK(scenario.verdict() == "");
}

TEST_CASE("kill -9: at random moments") {
    for_rounds([](std::mt19937& random) {
        ScenarioOptions options;
        options.lanes = 1 + static_cast<int>(random() % 3);
        options.batch_rows = 50 + static_cast<int>(random() % 1000);
        if (random() % 2 == 0) options.producer = ScenarioOptions::Producer::transactional;
        Scenario scenario(options);
        scenario.start_producing(3000);
        kill_at_random_moments(scenario, random, 8);
        scenario.stop_producing();
        scenario.start();
        REQUIRE(scenario.verdict(std::chrono::seconds(120)) == "");
    });
}
