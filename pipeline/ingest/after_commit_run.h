#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace sluice {

/// One run of a pipeline's after_commit, which the next one goes by, be the pipeline built anew
/// in between.
struct AfterCommitRun {
    using Commit = std::optional<std::chrono::system_clock::time_point>;

    std::chrono::steady_clock::time_point began;
    Commit done_for;      ///< the latest commit that one of them went well behind
    std::string error{};  ///< of this one; empty: it went well
};

}  // namespace sluice
