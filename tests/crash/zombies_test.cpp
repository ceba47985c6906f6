#include "tests/crash/scenario.h"
#include "tests/fixture/mpp_locks.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

using namespace sluice::crash;
using namespace sluice::fixture;

namespace {

ScenarioOptions anonymous() {
    ScenarioOptions options;
    options.members = ScenarioOptions::Members::anonymous;
    return options;
}

/// SIGSTOP has arrived.
void wait_until_frozen(Daemon& daemon) {
    const std::string stat = "/proc/" + std::to_string(daemon.pid()) + "/stat";
    wait_until([&] { return read_file(stat).find(") T ") != std::string::npos; }, patient(30s),
               "the daemon to freeze");
}

}  // namespace

TEST_CASE("group: two daemons share the partitions; one is killed, the other takes over") {
    Scenario scenario(anonymous());
    scenario.start_producing(2000);
    scenario.start("a");
    scenario.start("b");
    scenario.wait_until_serving("a", 2);
    scenario.wait_until_serving("b", 2);
    const auto began = std::chrono::steady_clock::now();
    scenario.daemon("a").kill();
    scenario.wait_until_serving("b", 4, 20s);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    MESSAGE("taken over after " << took.count() << " s; the session timeout is 4 s");
    scenario.stop_producing();
    CHECK(scenario.verdict() == "");
}

TEST_CASE("group: daemons come and go while records arrive") {
    Scenario scenario(anonymous());
    scenario.start_producing(2000);
    scenario.start("a");
    for (int round = 0; round < 2; ++round) {
        scenario.wait_for_more_rows();
        scenario.start("b");
        scenario.wait_until_serving("b", 2);
        CHECK(scenario.daemon("b").stop() == 0);
        scenario.wait_until_serving("a", 4);
    }
    scenario.stop_producing();
    CHECK(scenario.verdict() == "");
    CHECK(scenario.daemon("a").stop() == 0);
}

TEST_CASE("group: kill -9 in the middle of a rebalance") {
    Scenario scenario;
    scenario.start_producing(2000);
    const char* point = nullptr;
    SUBCASE("handing over") {
        point = "on_revoked";
    }
    SUBCASE("after handing over") {
        point = "on_assigned:2";
    }
    CAPTURE(point);
    scenario.start("a", {{"SLUICE_FAIL_POINT", point}});
    scenario.wait_for_more_rows();
    scenario.start("b");
    CHECK_MESSAGE(scenario.daemon("a").wait(30s) == 128 + 9, scenario.logs());
    scenario.start("a");
    scenario.wait_until_serving("a", 1);
    scenario.wait_until_serving("b", 1);
    scenario.stop_producing();
    CHECK(scenario.verdict() == "");
}

TEST_CASE("zombie: a daemon frozen past its session wakes up") {
    Scenario scenario(anonymous());
    // Shorter than the minute that Sluice sets where nothing is set.
    scenario.exec("alter database " + scenario.database() +
                  " set idle_in_transaction_session_timeout = '5s'");
    scenario.start_producing(2000);
    SUBCASE("at any moment") {
        scenario.start("a");
        scenario.wait_for_more_rows();
        scenario.daemon("a").freeze();
    }
    SUBCASE("with its rows sent, not committed") {
        scenario.start("a", {{"SLUICE_FAIL_POINT", "after_copy:3=stop"}});
    }
    SUBCASE("with progress moved, not committed") {
        scenario.start("a", {{"SLUICE_FAIL_POINT", "before_commit:3=stop"}});
    }
    SUBCASE("with its batch committed") {
        scenario.start("a", {{"SLUICE_FAIL_POINT", "after_commit:3=stop"}});
    }
    SUBCASE("with progress read, nothing begun") {
        scenario.start("a", {{"SLUICE_FAIL_POINT", "after_progress_read=stop"}});
    }
    wait_until_frozen(scenario.daemon("a"));
    scenario.start("b");
    scenario.wait_until_serving("b", 4);
    scenario.daemon("a").thaw();
    // It comes to its senses, and gets its share again.
    scenario.wait_until_serving("a", 1);
    scenario.stop_producing();
    CHECK(scenario.verdict() == "");
    CHECK(scenario.daemon("a").running());
    CHECK(scenario.daemon("b").running());
}

TEST_CASE("zombie: it wakes up while the next one waits for its lock, and commits first") {
    Scenario scenario(anonymous());
    scenario.start_producing(2000);
    scenario.start("a", {{"SLUICE_FAIL_POINT", "before_commit:3=stop"}});
    wait_until_frozen(scenario.daemon("a"));
    scenario.start("b");
    wait_until(
        [&] {
            return scenario.value(
                       "select exists (select 1 from pg_stat_activity where datname ="
                       " current_database() and wait_event_type = 'Lock' and query like"
                       " 'INSERT%ledger%')") == "t";
        },
        patient(30s), "b to wait for a's lock");
    scenario.daemon("a").thaw();
    scenario.wait_until_serving("a", 1);
    scenario.wait_until_serving("b", 1);
    scenario.stop_producing();
    CHECK(scenario.verdict() == "");
}

TEST_CASE("mpp locks: two daemons, two lanes, two pipelines get along") {
    ScenarioOptions options = anonymous();
    options.pipelines = {"orders", "copies"};
    Scenario scenario(options);
    const RunResult ddl = run_sluice({"schema", "-c", scenario.config().string()});
    REQUIRE(ddl.exit_code == 0);
    scenario.exec(ddl.out);
    PgConnection session = world().postgres->connect(scenario.database());
    for (const char* table :
         {"orders", "copies", "sluice.anchor", "sluice.ledger", "sluice.dead_letter"})
        install_mpp_locks(session, table);
    scenario.start_producing(3000);
    scenario.start("a");
    scenario.start("b");
    scenario.wait_until_serving("a", 2);
    scenario.wait_until_serving("b", 2);
    scenario.daemon("a").kill();
    scenario.wait_until_serving("b", 4);
    scenario.start("a");
    scenario.wait_until_serving("a", 2);
    scenario.stop_producing();
    CHECK(scenario.verdict() == "");
    for (const char* name : {"a", "b"})
        CHECK(scenario.daemon(name).log().find("40P01") == std::string::npos);
}
