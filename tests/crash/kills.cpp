#include "tests/crash/kills.h"

#include "tests/fixture/source_dir.h"
#include "tests/fixture/wait.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <regex>

namespace sluice::crash {

using namespace fixture;

namespace {

constexpr int killed = 128 + 9;

}  // namespace

int number_from_environment(const char* name, int otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::atoi(text);
}

void kill_at(Stage& stage, const std::string& point) {
    CAPTURE(point);
    stage.start("a", {{"SLUICE_FAIL_POINT", point}});
    int ended = 0;
    try {
        ended = stage.daemon().wait(30s);
    } catch (const WaitedTooLong&) {
        FAIL("never came to " << point << stage.logs());
    }
    REQUIRE_MESSAGE(ended == killed, stage.logs());
}

void kill_at_random_moments(Stage& stage, std::mt19937& random, int times) {
    for (int kills = 0; kills < times; ++kills) {
        stage.start();
        const auto moment = std::chrono::milliseconds(100 + random() % 1500);
        const auto now = std::chrono::steady_clock::now();
        wait_until([&] { return std::chrono::steady_clock::now() - now > moment; }, 10s,
                   "the moment");
        REQUIRE_MESSAGE(stage.daemon().running(), stage.logs());
        stage.daemon().kill();
    }
}

void for_rounds(const std::function<void(std::mt19937& random)>& round) {
    const int seed =
        number_from_environment("SLUICE_SEED", static_cast<int>(std::random_device{}() >> 1));
    const int minutes = number_from_environment("SLUICE_SOAK_MINUTES", 0);
    const int rounds = number_from_environment("SLUICE_ROUNDS", 1);
    MESSAGE("SLUICE_SEED=" << seed);
    std::mt19937 random{static_cast<unsigned>(seed)};
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(minutes);
    for (int number = 0; number < rounds || std::chrono::steady_clock::now() < end; ++number) {
        CAPTURE(seed);
        CAPTURE(number);
        round(random);
    }
}

std::set<std::string> fail_points() {
    const std::regex use{"SLUICE_FAIL_POINT\\(\"([a-z_]+)\"\\);"};
    std::set<std::string> found;
    for (const char* folder : {"pipeline", "segments", "sinks", "kafka", "daemon"}) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(
                 std::filesystem::path(source_dir()) / folder)) {
            if (entry.path().extension() != ".cpp") continue;
            const std::string text = read_file(entry.path());
            for (std::sregex_iterator at(text.begin(), text.end(), use), end; at != end; ++at)
                found.insert((*at)[1]);
        }
    }
    return found;
}

}  // namespace sluice::crash
