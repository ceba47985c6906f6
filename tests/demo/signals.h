#pragma once

#include <chrono>

namespace sluice::demo {

/// The user (or the machine) wants us to end. Not an error: thrown to unwind, which cleans up.
struct Interrupted {};

/// Takes SIGINT, SIGTERM and SIGHUP as values instead of sudden death. Made before the first
/// thread.
class Signals {
public:
    Signals();
    /// Sleeps; throws Interrupted as soon as one of them has come, also during earlier work.
    void pause(std::chrono::milliseconds duration);
};

}  // namespace sluice::demo
