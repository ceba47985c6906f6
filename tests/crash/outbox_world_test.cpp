#include "tests/crash/outbox_scenario.h"
#include "tests/fixture/tcp_proxy.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>
#include <thread>

using namespace sluice::crash;
using namespace sluice::fixture;

namespace {

using Clock = std::chrono::steady_clock;

/// SIGSTOP has arrived.
void wait_until_frozen(Daemon& daemon) {
    const std::string stat = "/proc/" + std::to_string(daemon.pid()) + "/stat";
    wait_until([&] { return read_file(stat).find(") T ") != std::string::npos; }, patient(30s),
               "the daemon to freeze");
}

double seconds_since(Clock::time_point began) {
    return std::chrono::duration<double>(Clock::now() - began).count();
}

}  // namespace

TEST_CASE("outbox: two relays; one is killed, the other takes over within seconds") {
    OutboxScenario scenario;
    scenario.start_writing(2, 5ms);
    scenario.start("a");
    scenario.wait_for_log("sends from here on", "a");
    scenario.start("b");
    scenario.wait_for_more_sent();
    CHECK(scenario.daemon("b").log().find("sends from here on") == std::string::npos);
    const auto began = Clock::now();
    scenario.daemon("a").kill();
    scenario.wait_for_log("sends from here on", "b");
    MESSAGE("taken over after " << seconds_since(began) << " s");
    CHECK(seconds_since(began) < 15);
    scenario.stop_writing();
    CHECK(scenario.verdict() == "");
    CHECK(scenario.daemon("b").stop() == 0);
}

TEST_CASE("outbox: a zombie wakes up in the middle of a batch and can not send it") {
    OutboxScenario scenario;
    std::string point;
    SUBCASE("with rows that it has read") {
        point = "outbox_after_read";
    }
    SUBCASE("with a batch that it has claimed") {
        point = "outbox_after_claim";
    }
    SUBCASE("with everything sent but the commit") {
        point = "outbox_after_send";
    }
    CAPTURE(point);
    scenario.write(700);
    scenario.start("a", {{"SLUICE_FAIL_POINT", point + "=stop"}});
    wait_until_frozen(scenario.daemon("a"));
    const auto began = Clock::now();
    scenario.start("b");
    scenario.wait_until_drained();
    MESSAGE("taken over and sent after " << seconds_since(began) << " s");
    CHECK(seconds_since(began) < 25);
    scenario.daemon("a").thaw();
    scenario.start_writing(2, 5ms);
    scenario.wait_for_more_sent();
    scenario.wait_for_more_sent();
    CHECK(scenario.daemon("a").running());
    scenario.stop_writing();
    CHECK(scenario.verdict() == "");
}

TEST_CASE("outbox: database and broker are killed while applications write") {
    OutboxScenario scenario;
    scenario.start_writing(2, 5ms);
    scenario.start();
    scenario.wait_for_more_sent();
    world().postgres->stop_immediate();
    scenario.wait_for_log("next try in");
    world().postgres->start();
    scenario.wait_for_more_sent();
    world().broker->kill();
    world().broker->start();
    scenario.wait_for_more_sent(60s);
    CHECK(scenario.daemon().running());
    scenario.stop_writing();
    CHECK(scenario.verdict() == "");
}

TEST_CASE("outbox: what befalls the network") {
    TcpProxy kafka(world().broker->proxy_target(), world().broker->proxy_port());
    TcpProxy database(world().postgres->port());
    OutboxOptions options;
    options.brokers = world().broker->proxied_bootstrap();
    OutboxScenario scenario(options);
    options.dsn = world().postgres->dsn(scenario.database(), "postgres", database.port());
    scenario.configure(options);
    scenario.start_writing(2, 5ms);
    scenario.start();
    scenario.wait_for_more_sent();
    for (TcpProxy* proxy : {&kafka, &database}) {
        proxy->reset_connections();
        scenario.wait_for_more_sent();
        // The commit, or the claim, goes out; the answer does not come.
        proxy->blackhole(TcpProxy::Direction::to_client);
        const auto until = Clock::now() + 1s;
        wait_until([&] { return Clock::now() > until; }, 10s, "a second");
        proxy->reset_connections();
        proxy->resume();
        scenario.wait_for_more_sent(60s);
        proxy->cut();
        wait_until([&] { return proxy->connections() == 0; }, patient(10s), "the cut");
        proxy->resume();
        scenario.wait_for_more_sent(60s);
    }
    CHECK(scenario.daemon().running());
    scenario.stop_writing();
    CHECK(scenario.verdict() == "");
}

TEST_CASE("outbox: applications do not notice it under the locks of an MPP database") {
    OutboxOptions options;
    options.locks = OutboxOptions::Locks::of_mpp;
    OutboxScenario scenario(options);
    scenario.start();
    scenario.wait_for_log("sends from here on");
    auto holder = world().postgres->connect(scenario.database());
    holder.exec(
        "begin; insert into outbox (id, key, payload) values (-7, 'k7', '7-0'); "
        "insert into truth values ('7-0')");
    std::vector<double> waits;
    std::mutex mutex;
    std::vector<std::jthread> inserters;
    const auto until = Clock::now() + 30s;
    for (int number = 0; number < 3; ++number) {
        inserters.emplace_back([&, number] {
            auto inserter = world().postgres->connect(scenario.database());
            const std::string name = std::to_string(80 + number);
            for (int i = 0; Clock::now() < until; ++i) {
                const std::string value = name + "-" + std::to_string(i);
                const auto began = Clock::now();
                inserter.exec("begin; insert into outbox (key, payload) values ('k" + name +
                              "', '" + value + "'); insert into truth values ('" + value +
                              "'); commit");
                const double wait = seconds_since(began) * 1000;
                std::this_thread::sleep_for(10ms);
                const std::lock_guard lock{mutex};
                waits.push_back(wait);
            }
        });
    }
    inserters.clear();
    std::ranges::sort(waits);
    const double p99 = waits[waits.size() * 99 / 100];
    // Sent while the transaction is open, although nothing can be purged.
    const std::int64_t sent = scenario.sent();
    CHECK(sent > static_cast<std::int64_t>(waits.size()) * 9 / 10);
    CHECK(scenario.value("select count(*) from outbox") > "0");
    holder.exec("commit");
    MESSAGE(waits.size() << " inserts, p50 " << waits[waits.size() / 2] << " ms, p99 " << p99
                         << " ms, max " << waits.back() << " ms; " << sent << " sent meanwhile");
    CHECK(p99 < 100);
    CHECK(scenario.verdict() == "");
}
