#pragma once

#include "metrics/instruments.h"

#include <chrono>
#include <mutex>
#include <utility>

namespace sluice::segments {

/// Whether segments fetch a pipeline's rows, as its lanes have found. One that has failed is
/// closed, and tried again by one lane at a time, at first soon and then less and less often. From
/// any thread.
class Way {
public:
    using Clock = std::chrono::steady_clock;
    struct Pauses {
        std::chrono::milliseconds first = std::chrono::minutes(1);
        std::chrono::milliseconds longest = std::chrono::minutes(30);
    };
    /// `closed`: 1 while it is.
    Way(const Pauses& pauses, metrics::Gauge closed) : pauses_(pauses), gauge_(std::move(closed)) {}

    /// Whether rows may go there now: it is open, or it is the caller who tries it again.
    [[nodiscard]] bool may_go();
    /// It has failed. Returns whether it had been open.
    [[nodiscard]] bool close();
    /// Rows have come to its end. Returns whether it had been closed.
    [[nodiscard]] bool open();

private:
    void set(bool closed);

    const Pauses pauses_;
    metrics::Gauge gauge_;
    std::mutex mutex_;  // guards what follows
    bool closed_ = false;
    bool tried_ = false;  ///< again, since it was last found closed
    std::chrono::milliseconds pause_{};
    Clock::time_point again_{};  ///< when it is to be tried, while it is closed
};

}  // namespace sluice::segments
