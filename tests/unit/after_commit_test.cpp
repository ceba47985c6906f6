#include "sinks/load/after_commit.h"

#include <doctest/doctest.h>

#include <vector>

using namespace sluice;
using namespace std::chrono_literals;

namespace {

const AfterCommitRun::Commit committed{std::chrono::system_clock::time_point{1h}};
const AfterCommitRun::Commit before{std::chrono::system_clock::time_point{1min}};

/// Those that one makes which begins behind `last` and is asked to end: where there is no database.
std::vector<AfterCommitRun> runs_behind(const std::optional<AfterCommitRun>& last) {
    std::vector<AfterCommitRun> runs;
    AfterCommit after_commit({.dsn = "host=/nowhere",
                              .pipeline = "orders",
                              .what = {.sql = "SELECT 1", .every = 1h},
                              .last_commit = [] { return committed; },
                              .last_run = last,
                              .on_ran = [&](const AfterCommitRun& run) { runs.push_back(run); }});
    after_commit.finish(AfterCommit::Clock::now() + 1h);
    return runs;
}

}  // namespace

TEST_CASE("after_commit: what one did that is gone is not done again for the same commit") {
    const auto now = AfterCommit::Clock::now();
    CHECK(runs_behind(AfterCommitRun{.began = now, .done_for = committed}).empty());
    CHECK(runs_behind(std::nullopt).size() == 1);
    const auto runs = runs_behind(AfterCommitRun{.began = now, .done_for = before});
    REQUIRE(runs.size() == 1);
    CHECK_FALSE(runs.front().error.empty());
    CHECK(runs.front().done_for == before);  // the next one tries it again
}
