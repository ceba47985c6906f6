#include "tests/crash/scenario.h"
#include "tests/fixture/tcp_proxy.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

using namespace sluice::crash;
using namespace sluice::fixture;

namespace {

/// The daemon's way to the database leads through `proxy`.
ScenarioOptions through(const TcpProxy& proxy, const Scenario& scenario) {
    ScenarioOptions options = scenario.options();
    options.dsn = world().postgres->dsn(scenario.database(), "postgres", proxy.port());
    return options;
}

/// One after the other, each while records arrive: the daemon recovers from each by itself.
void trouble(TcpProxy& proxy, Scenario& scenario) {
    const auto recovers = [&](const char* from) {
        CAPTURE(from);
        CHECK_NOTHROW(scenario.wait_for_more_rows());
        CHECK(scenario.daemon().running());
    };
    const auto some_bytes_later = [&] {
        const std::int64_t before = proxy.forwarded();
        wait_until([&] { return proxy.forwarded() > before + 20000; }, patient(20s), "traffic");
    };
    for (int round = 0; round < 3; ++round) {
        some_bytes_later();
        proxy.reset_connections();
        recovers("a reset");
        some_bytes_later();
        proxy.cut();
        wait_until([&] { return proxy.connections() == 0; }, patient(10s), "the cut");
        proxy.resume();
        recovers("a cut");
        some_bytes_later();
        proxy.half_close(TcpProxy::Direction::to_server);
        recovers("a half-close towards the server");
        some_bytes_later();
        proxy.half_close(TcpProxy::Direction::to_client);
        recovers("a half-close towards the daemon");
        proxy.blackhole(TcpProxy::Direction::to_client);
        const std::int64_t rows = scenario.rows();
        // What is under way may still arrive; its answer does not.
        wait_until([&] { return scenario.rows() >= rows; }, patient(10s), "the database");
        proxy.reset_connections();
        proxy.resume();
        recovers("answers that never came");
    }
    proxy.delay(50ms);
    recovers("delay");
    proxy.resume();
}

}  // namespace

TEST_CASE("database: killed and back while records arrive") {
    Scenario scenario;
    scenario.start_producing(3000);
    scenario.start();
    for (int round = 0; round < 2; ++round) {
        scenario.wait_for_more_rows();
        scenario.pass_over_log();
        world().postgres->stop_immediate();
        // It notices, and says so.
        scenario.wait_for_log("trying again");
        CHECK(scenario.daemon().running());
        world().postgres->start();
        scenario.wait_for_more_rows();
    }
    scenario.stop_producing();
    CHECK(scenario.verdict() == "");
}

TEST_CASE("broker: killed and back while records arrive") {
    Scenario scenario;
    scenario.start_producing(3000);
    scenario.start();
    scenario.wait_for_more_rows();
    const auto began = std::chrono::steady_clock::now();
    world().broker->kill();
    // Which one, and why, within seconds; once, and once that it is over.
    scenario.wait_for_log("kafka: no broker can be reached; the last error: ", "a", 10s);
    MESSAGE("said after "
            << std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count()
            << " s");
    CHECK(scenario.daemon().log().find("Connection refused") != std::string::npos);
    world().broker->start();
    scenario.wait_for_more_rows(patient(120s));  // a busy machine's broker takes 20 s to start
    scenario.wait_for_log("over after ");
    CHECK(scenario.daemon().running());
    scenario.stop_producing();
    CHECK(scenario.verdict() == "");
}

TEST_CASE("broker: one that does not answer is named within seconds") {
    TcpProxy kafka(world().broker->proxy_target(), world().broker->proxy_port());
    ScenarioOptions options;
    options.brokers = world().broker->proxied_bootstrap();
    Scenario scenario(options);
    scenario.start_producing(1000);
    scenario.start();
    scenario.wait_for_more_rows();
    kafka.blackhole(TcpProxy::Direction::to_client);
    scenario.wait_for_log(" has not answered for ", "a", 15s);
    kafka.reset_connections();
    kafka.resume();
    scenario.wait_for_more_rows(60s);
    scenario.stop_producing();
    CHECK(scenario.verdict() == "");
}

TEST_CASE("start: neither database nor broker need to be there") {
    Scenario scenario;
    scenario.produce(2000);
    SUBCASE("no database") {
        world().postgres->stop_fast();
        scenario.start();
        scenario.wait_for_log("cannot connect to the database");
        CHECK(scenario.daemon().running());
        world().postgres->start();
    }
    SUBCASE("no broker") {
        world().broker->kill();
        scenario.start();
        scenario.wait_for_log("kafka does not answer");
        CHECK(scenario.daemon().running());
        world().broker->start();
    }
    CHECK(scenario.verdict() == "");
}

TEST_CASE("network: what befalls the way to the database") {
    TcpProxy proxy(world().postgres->port());
    Scenario scenario;
    scenario.configure(through(proxy, scenario));
    scenario.start_producing(2000);
    scenario.start();
    scenario.wait_for_more_rows();
    trouble(proxy, scenario);
    scenario.stop_producing();
    CHECK(scenario.verdict() == "");
}

TEST_CASE("network: what befalls the way to the broker") {
    TcpProxy proxy(world().broker->proxy_target(), world().broker->proxy_port());
    ScenarioOptions options;
    options.brokers = world().broker->proxied_bootstrap();
    Scenario scenario(options);
    scenario.start_producing(2000);
    scenario.start();
    scenario.wait_for_more_rows();
    trouble(proxy, scenario);
    scenario.stop_producing();
    CHECK(scenario.verdict() == "");
}

TEST_CASE("COMMIT: the answer is lost, the transaction lands later") {
    TcpProxy proxy(world().postgres->port());
    // Where rows are refused, constraints are checked before the COMMIT.
    Scenario scenario({.rows = ScenarioOptions::Rows::all_taken});
    scenario.configure(through(proxy, scenario));
    scenario.slow_commit_of(900, 2000ms);
    scenario.produce(3000);
    scenario.start();
    scenario.wait_for_commit_under_way();
    const std::string pid = scenario.value(
        "select pid from pg_stat_activity where query = 'COMMIT' and wait_event = 'PgSleep'");
    SUBCASE("the connection breaks") {
        proxy.reset_connections();
        scenario.wait_for_log("the answer to COMMIT was lost");
    }
    SUBCASE("the connection breaks, and the transaction does not land after all") {
        proxy.reset_connections();
        scenario.wait_for_log("the answer to COMMIT was lost");
        scenario.exec("select pg_terminate_backend(" + pid + ")");
    }
    SUBCASE("the daemon says good-bye, the server does not listen") {
        proxy.half_close(TcpProxy::Direction::to_client);
        scenario.wait_for_log("the answer to COMMIT was lost");
    }
    SUBCASE("the answers are swallowed, then the connection breaks after the COMMIT") {
        proxy.blackhole(TcpProxy::Direction::to_client);
        wait_until(
            [&] {
                return scenario.value("select exists (select 1 from pg_stat_activity where pid = " +
                                      pid + " and wait_event = 'PgSleep')") == "f";
            },
            patient(20s), "the end of the COMMIT");
        proxy.reset_connections();
        proxy.resume();
        scenario.wait_for_log("the answer to COMMIT was lost");
    }
    SUBCASE("the daemon is killed, and the next one meets the old transaction") {
        scenario.daemon().kill();
        scenario.start();
    }
    CHECK(scenario.verdict() == "");
}

TEST_CASE("SIGTERM: a batch in flight commits") {
    Scenario scenario({.rows = ScenarioOptions::Rows::all_taken});
    scenario.slow_commit_of(900, 1500ms);
    scenario.produce(3000);
    scenario.start();
    scenario.wait_for_commit_under_way();
    CHECK(scenario.daemon().stop(15s) == 0);
    CHECK(scenario.value("select count(*) from orders where id = 900") == "1");
    CHECK(scenario.daemon().log().find("fenced") == std::string::npos);
    scenario.start();
    CHECK(scenario.verdict() == "");
}

TEST_CASE("SIGTERM: with the database away the daemon ends by its deadline") {
    ScenarioOptions options;
    options.drain_deadline = "2s";
    Scenario scenario(options);
    scenario.start_producing(2000);
    scenario.start();
    scenario.wait_for_more_rows();
    SUBCASE("stopped") {
        world().postgres->stop_immediate();
        scenario.wait_for_log("trying again");
        const auto began = std::chrono::steady_clock::now();
        CHECK(scenario.daemon().stop(30s) == 0);
        CHECK(std::chrono::steady_clock::now() - began < patient(10s));
        world().postgres->start();
    }
    SUBCASE("silent") {
        TcpProxy proxy(world().postgres->port());
        CHECK(scenario.daemon().stop() == 0);
        scenario.configure(through(proxy, scenario));
        scenario.start();
        scenario.wait_for_more_rows();
        proxy.blackhole();
        const auto began = std::chrono::steady_clock::now();
        CHECK_NOTHROW(scenario.daemon().stop(30s));
        CHECK(std::chrono::steady_clock::now() - began < patient(10s));
        scenario.configure(options);
    }
    scenario.stop_producing();
    scenario.start();
    CHECK(scenario.verdict() == "");
}
