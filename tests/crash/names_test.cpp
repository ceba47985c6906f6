#include "tests/crash/scenario.h"
#include "tests/fixture/temp_dir.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

using namespace sluice::crash;
using namespace sluice::fixture;

namespace {

ScenarioOptions with(ScenarioOptions::Members members) {
    ScenarioOptions options;
    options.members = members;
    return options;
}

/// From a kill -9, at whose end the daemon is started again, to its first commit.
std::chrono::milliseconds standstill(Scenario& scenario, const std::string& name) {
    const auto began = std::chrono::steady_clock::now();
    scenario.daemon(name).kill();
    scenario.start(name);
    scenario.wait_until_serving(name, 1);
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 began);
}

std::size_t count(const std::string& text, const std::string& in) {
    std::size_t found = 0;
    for (std::size_t at = in.find(text); at != std::string::npos; at = in.find(text, at + 1))
        ++found;
    return found;
}

}  // namespace

TEST_CASE("names: after kill -9, what is told nothing of names stands still for 3 s at most") {
    Scenario scenario(with(ScenarioOptions::Members::not_told));
    scenario.start_producing(1000);
    scenario.start("a");
    SUBCASE("alone on its host") {
        scenario.wait_until_serving("a", 4);
        for (int round = 0; round < 3; ++round) {
            const auto took = standstill(scenario, "a");
            MESSAGE("first commit after " << took.count() << " ms");
            CHECK(took < patient(3s));
        }
    }
    SUBCASE("beside another of the same configuration") {
        scenario.start("b");
        scenario.wait_until_serving("a", 2);
        scenario.wait_until_serving("b", 2);
        for (const std::string name : {"a", "b", "a"}) {
            const auto took = standstill(scenario, name);
            MESSAGE("first commit of " << name << " after " << took.count() << " ms");
            CHECK(took < patient(3s));
        }
    }
    scenario.stop_producing();
    CHECK(scenario.verdict() == "");
}

TEST_CASE("names: of two daemons with one name both work, and one says why it goes without") {
    ScenarioOptions options = with(ScenarioOptions::Members::twins);
    options.pipelines = {"orders", "copies"};
    Scenario scenario(options);
    scenario.start_producing(1000);
    scenario.start("a");
    scenario.wait_until_serving("a", 4);
    scenario.start("b");
    const std::string said = "another daemon is known to Kafka as \"twin\" too";
    // On the way there each may have all of one pipeline and nothing of the other.
    wait_until([&] { return count(said, scenario.daemon("a").log()) > 0; }, patient(30s),
               "the one that gives way");
    scenario.wait_until_serving("a", 2);
    scenario.wait_until_serving("b", 2);
    scenario.stop_producing();
    CHECK(scenario.verdict() == "");
    CHECK(count(said, scenario.daemon("a").log()) == 1);
    CHECK(count(said, scenario.daemon("b").log()) == 0);
}
