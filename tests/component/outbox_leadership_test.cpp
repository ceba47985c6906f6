#include "sinks/outbox/outbox_leadership.h"

#include "tests/fixture/postgres.h"
#include "tests/fixture/tcp_proxy.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <chrono>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using namespace fixture;
using Clock = std::chrono::steady_clock;

TEST_CASE("leadership: one has it; who lets go of it does not wait for a dead connection") {
    shared_postgres().create_database("lead");
    TcpProxy proxy(shared_postgres().port());
    const RelayIdentity identity{.relay = "r"};
    AdvisoryLeadership first(shared_postgres().dsn("lead", "postgres", proxy.port()), identity);
    AdvisoryLeadership second(shared_postgres().dsn("lead"), identity);
    CHECK(first.acquire());
    CHECK(first.hold());
    CHECK_FALSE(second.acquire());
    proxy.blackhole(TcpProxy::Direction::to_client);
    SUBCASE("at the end of its work") {
        const auto until = Clock::now() + 1s;  // the next sign of life is on its way by then
        wait_until([&] { return Clock::now() > until; }, 10s, "a second");
        const auto began = Clock::now();
        first.release();
        CHECK(Clock::now() - began < 2s);
        wait_until([&] { return second.acquire(); }, patient(10s), "the lead");
    }
    SUBCASE("and who hears nothing of the server does not believe in having it") {
        wait_until([&] { return !first.hold(); }, patient(10s), "the first to notice");
    }
}

TEST_CASE("leadership: it passes from a relay that hangs, not from one that works") {
    shared_postgres().create_database("hanging");
    const RelayIdentity identity{.relay = "r"};
    AdvisoryLeadership first(shared_postgres().dsn("hanging"), identity, 2s);
    AdvisoryLeadership second(shared_postgres().dsn("hanging"), identity);
    REQUIRE(first.acquire());
    const auto until = Clock::now() + 4s;
    wait_until([&] { return !first.hold() || Clock::now() > until; }, 10s, "a while of work");
    CHECK(first.hold());
    CHECK_FALSE(second.acquire());
    wait_until([&] { return second.acquire(); }, patient(10s), "the lead of who hangs");
    CHECK_FALSE(first.hold());
}

}  // namespace
}  // namespace sluice
