#include "tests/crash/scenario.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

using namespace sluice::crash;
using namespace sluice::fixture;

TEST_CASE("on_reject: stop holds one pipeline at the record, the other goes on") {
    ScenarioOptions options;
    options.partitions = 1;
    options.pipelines = {"orders", "copies"};
    options.ingest_first = "on_reject = \"stop\"\n";
    Scenario scenario(options);
    scenario.produce(1000);
    scenario.start();
    scenario.wait_for_log("on_reject = \"stop\" holds the pipeline here");
    try {
        wait_until([&] { return scenario.is_loaded("copies"); }, patient(30s),
                   "the other pipeline");
    } catch (const WaitedTooLong& late) {
        FAIL(std::string(late.what()) << scenario.logs());
    }
    CHECK(scenario.judge("copies") == "");
    // The first record that is none: everything before it is there, it is not, nothing is behind.
    wait_until([&] { return scenario.rows() == 5; }, patient(10s), "the rows before the reject");
    CHECK(scenario.value("select next_offset from sluice.progress where pipeline = 'orders'") ==
          "5");
    CHECK(scenario.value("select count(*) from sluice.dead_letter where pipeline = 'orders'") ==
          "0");
    // It is tried again, and does not get further.
    scenario.wait_for_log("failure 2 in a row");
    CHECK(scenario.rows() == 5);

    CHECK(scenario.daemon().stop() == 0);
    options.ingest_first = "";
    scenario.configure(options);
    scenario.start();
    CHECK(scenario.verdict() == "");
}

TEST_CASE("drift: what is taken away is waited for, named, and never a dead letter") {
    ScenarioOptions options;
    options.role = "loader";
    Scenario scenario(options);
    scenario.start_producing(1500);
    scenario.start();
    scenario.wait_for_more_rows();
    struct Change {
        const char* there;
        const char* back;
        const char* named;
    } change{};
    SUBCASE("a column") {
        change = {"alter table orders rename amount to total",
                  "alter table orders rename total to amount", "\"amount\""};
    }
    SUBCASE("the table") {
        change = {"alter table orders rename to elsewhere",
                  "alter table elsewhere rename to orders", "orders"};
    }
    SUBCASE("the permission") {
        change = {"revoke insert on orders from loader", "grant insert on orders to loader",
                  "permission denied"};
    }
    CAPTURE(change.there);
    scenario.pass_over_log();
    scenario.exec(change.there);
    scenario.wait_for_log(change.named);
    CHECK(scenario.daemon().running());
    scenario.exec(change.back);
    scenario.wait_for_more_rows(60s);
    scenario.stop_producing();
    scenario.exec("grant select on orders to loader");  // for `sluice verify`
    CHECK(scenario.verdict() == "");
}

TEST_CASE("drift: columns are widened while records flow, and it goes on by itself") {
    Scenario scenario;
    scenario.exec("alter table orders alter id type int, alter koffset type text");
    scenario.start_producing(1500);
    scenario.start();
    scenario.wait_for_more_rows();
    for (const char* const change : {"alter table orders alter id type bigint",
                                     "alter table orders alter koffset type bigint using"
                                     " koffset::bigint"}) {
        CAPTURE(change);
        scenario.exec(change);
        scenario.wait_for_more_rows();
    }
    scenario.stop_producing();
    CHECK(scenario.verdict() == "");
}

TEST_CASE("drift: without a mapping a column that is dropped is filled no longer, as check says") {
    ScenarioOptions options;
    options.mapping = ScenarioOptions::Mapping::by_name;
    options.rows = ScenarioOptions::Rows::all_taken;
    Scenario scenario(options);
    scenario.start_producing(1500);
    scenario.start();
    scenario.wait_for_more_rows();
    scenario.exec("alter table orders drop amount");
    const RunResult check =
        run_sluice({"check", "-c", scenario.config().string()}, {{"SLUICE_INSTANCE", "judge"}});
    CHECK_MESSAGE(check.exit_code == 0, check.out << check.err);
    scenario.wait_for_more_rows();
    scenario.stop_producing();
    scenario.wait_until_loaded();
    CHECK(scenario.value(
              "select count(*) from sluice.dead_letter where reasons::text ~ 'amount'") == "0");
    const RunResult verify =
        run_sluice({"verify", "-c", scenario.config().string()}, {{"SLUICE_INSTANCE", "judge"}});
    CHECK_MESSAGE(verify.exit_code == 0, verify.out << verify.err);
}
