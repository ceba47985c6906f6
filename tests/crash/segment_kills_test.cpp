#include "tests/crash/kills.h"
#include "tests/crash/scenario.h"
#include "tests/fixture/fake_cluster.h"
#include "tests/fixture/ports.h"

#include <doctest/doctest.h>

#include <string>

/// Rows that segments fetch, while the daemon that has them is killed.
namespace sluice::crash {
namespace {

using Segments = fixture::FakeCluster::Segments;

class FetchedRows {
public:
    explicit FetchedRows(ScenarioOptions::Rows rows)
        : cluster(world().postgres->port()), scenario(options_of(rows)) {
        ScenarioOptions options = options_of(rows);
        options.dsn = world().postgres->dsn(scenario.database(), "postgres", cluster.port()) +
                      " sslmode=disable gssencmode=disable";
        scenario.configure(options);
    }

    fixture::FakeCluster cluster;

private:
    const std::uint16_t port_ = fixture::free_port();
    [[nodiscard]] ScenarioOptions options_of(ScenarioOptions::Rows rows) const {
        ScenarioOptions options;
        options.rows = rows;
        options.ingest = "load = \"segments\"\n";
        options.sections = "[segments]\nlisten = \"127.0.0.1:" + std::to_string(port_) +
                           "\"\nadvertise = \"127.0.0.1\"\ntimeout = \"5s\"\n";
        return options;
    }

public:
    Scenario scenario;
};

}  // namespace

TEST_CASE("segments, kill -9: while they fetch rows, behind that, and around COMMIT") {
    FetchedRows rows(ScenarioOptions::Rows::all_taken);
    Scenario& scenario = rows.scenario;
    for (const char* point : {"segments_block:1", "segments_block:4", "segments_read:3",
                              "before_progress:2", "before_commit:2", "after_commit:2"}) {
        scenario.produce(2500);
        kill_at(scenario, point);
    }
    scenario.produce(500);
    scenario.start();
    CHECK(scenario.verdict() == "");
    CHECK(rows.cluster.reads() > 20);
}

TEST_CASE("segments, kill -9: at any moment, while they misbehave and rows are refused") {
    FetchedRows rows(ScenarioOptions::Rows::some_refused);
    Scenario& scenario = rows.scenario;
    std::mt19937 random(3);
    for (const Segments way : {Segments::hang_up, Segments::ask_twice, Segments::come_late,
                               Segments::lose_a_row, Segments::read}) {
        rows.cluster.let(way);
        scenario.produce(1500);
        kill_at_random_moments(scenario, random, 1);
    }
    scenario.produce(500);
    scenario.start();
    CHECK(scenario.verdict() == "");
}

}  // namespace sluice::crash
