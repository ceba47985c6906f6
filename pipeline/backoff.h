#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace sluice {

struct BackoffLimits {
    std::chrono::milliseconds first;
    std::chrono::milliseconds most;
};

/// How long to wait before trying again: doubles from `first` to `most`, with jitter (a random
/// quarter off), so that many who fail together do not come back together. Not thread-safe.
class Backoff {
public:
    using Duration = std::chrono::milliseconds;

    Backoff(Duration first, Duration most) : first_(first), most_(most), next_(first) {}
    explicit Backoff(const BackoffLimits& limits) : Backoff(limits.first, limits.most) {}

    [[nodiscard]] Duration next() {
        const Duration full = next_;
        next_ = std::min(most_, next_ * 2);
        // The thread's: a lane has a Backoff for each record, and a seed costs 20 us.
        thread_local std::minstd_rand random{std::random_device{}()};
        std::uniform_int_distribution<Duration::rep> cut(0, full.count() / 4);
        return full - Duration(cut(random));
    }
    void reset() { next_ = first_; }

private:
    Duration first_;
    Duration most_;
    Duration next_;
};

}  // namespace sluice
