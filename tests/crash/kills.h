#pragma once

#include "tests/crash/stage.h"

#include <array>
#include <functional>
#include <random>
#include <set>
#include <string>

namespace sluice::crash {

/// Starts the daemon, which has to die at this fail point, and of nothing else.
void kill_at(Stage& stage, const std::string& point);

/// Where a batch of several tables may be when its daemon dies.
inline constexpr std::array points_of_several_tables{
    "before_copy",     "after_target",  "after_target:2", "after_target:3",  "after_copy",
    "before_progress", "before_commit", "after_commit",   "during_isolation"};

/// Starts the daemon and kills it, so many times, each when it has just begun or is well at work.
void kill_at_random_moments(Stage& stage, std::mt19937& random, int times);

[[nodiscard]] int number_from_environment(const char* name, int otherwise);

/// SLUICE_SEED repeats a run, SLUICE_ROUNDS and SLUICE_SOAK_MINUTES make it longer.
void for_rounds(const std::function<void(std::mt19937& random)>& round);

/// All that the sources have.
[[nodiscard]] std::set<std::string> fail_points();

}  // namespace sluice::crash
