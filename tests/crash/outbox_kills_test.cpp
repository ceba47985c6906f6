#include "tests/crash/outbox_scenario.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <regex>
#include <set>

using namespace sluice::crash;
using namespace sluice::fixture;

namespace {

constexpr int killed = 128 + 9;

/// What every batch passes, in this order.
const std::vector<std::string> of_batches = {"outbox_after_read",   "outbox_after_claim",
                                             "outbox_before_mark",  "outbox_after_send",
                                             "outbox_after_commit", "outbox_after_purge_rows"};
const std::vector<std::string> of_starts = {"outbox_after_start"};
/// What only some pass: test cases of their own.
const std::vector<std::string> others = {"outbox_after_take_over", "outbox_after_refusal"};

void kill_at(OutboxScenario& scenario, const std::string& point) {
    CAPTURE(point);
    scenario.start("a", {{"SLUICE_FAIL_POINT", point}});
    int ended = 0;
    try {
        ended = scenario.daemon().wait(std::chrono::seconds(30));
    } catch (const WaitedTooLong&) {
        FAIL("never came to " << point << scenario.logs());
    }
    // Died there, not of something else.
    REQUIRE_MESSAGE(ended == killed, scenario.logs());
}

int number_from_environment(const char* name, int otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::atoi(text);
}

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
    const std::regex use{"SLUICE_FAIL_POINT\\(\"(outbox_[a-z_]+)\"\\);"};
    std::set<std::string> found;
    for (const char* folder : {"pipeline", "sinks", "kafka", "daemon"}) {
        for (const auto& entry : std::filesystem::directory_iterator(
                 std::filesystem::path(SLUICE_SOURCE_DIR) / folder)) {
            if (entry.path().extension() != ".cpp") continue;
            const std::string text = read_file(entry.path());
            for (std::sregex_iterator at(text.begin(), text.end(), use), end; at != end; ++at) {
                found.insert((*at)[1]);
            }
        }
    }
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

/// SLUICE_SEED repeats a run, SLUICE_ROUNDS and SLUICE_SOAK_MINUTES make it longer.
TEST_CASE("outbox, kill -9: at random moments, while applications write") {
    const int seed =
        number_from_environment("SLUICE_SEED", static_cast<int>(std::random_device{}() >> 1));
    const int minutes = number_from_environment("SLUICE_SOAK_MINUTES", 0);
    const int rounds = number_from_environment("SLUICE_ROUNDS", 1);
    MESSAGE("SLUICE_SEED=" << seed);
    std::mt19937 random{static_cast<unsigned>(seed)};
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(minutes);
    for (int round = 0; round < rounds || std::chrono::steady_clock::now() < end; ++round) {
        CAPTURE(seed);
        CAPTURE(round);
        OutboxOptions options;
        options.batch_rows = 5 + static_cast<int>(random() % 200);
        options.ids = std::array{OutboxOptions::Ids::mixed, OutboxOptions::Ids::serial,
                                 OutboxOptions::Ids::uuid}[random() % 3];
        if (random() % 2 == 0) options.locks = OutboxOptions::Locks::of_mpp;
        OutboxScenario scenario(options);
        scenario.start_writing(3, 5ms);
        for (int kills = 0; kills < 6; ++kills) {
            scenario.start();
            // Until it has just begun, or is well at work.
            const auto moment = std::chrono::milliseconds(100 + random() % 1500);
            const auto now = std::chrono::steady_clock::now();
            wait_until([&] { return std::chrono::steady_clock::now() - now > moment; },
                       std::chrono::seconds(10), "the moment");
            REQUIRE_MESSAGE(scenario.daemon().running(), scenario.logs());
            scenario.daemon().kill();
        }
        scenario.stop_writing();
        scenario.start();
        REQUIRE(scenario.verdict(std::chrono::seconds(120)) == "");
    }
}
