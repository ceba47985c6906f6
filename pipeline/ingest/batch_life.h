#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>

namespace sluice {

/// Whether anything is still heard of the batch that a lane offers. A sign of life is a step of the
/// sink (Sink::tell_steps_to()) with which an attempt has come further than any before it at the
/// same batch: looking for many refused rows, which may take minutes, gives one with every
/// statement. A statement that hangs or waits for a lock gives none, and no more does a batch that
/// comes to the same point again and again. Told by the thread that offers; any may look.
class BatchLife {
public:
    using Clock = std::chrono::steady_clock;
    struct Seen {
        Clock::time_point began;  ///< when it was first offered
        Clock::time_point heard;  ///< its latest sign of life; at first, `began`
    };

    /// Offered: for the first time, if the one before has ended.
    void begin_attempt();
    void note_step();
    void end();
    /// nullopt: no batch is on its way.
    [[nodiscard]] std::optional<Seen> seen() const;

private:
    static constexpr Clock::time_point none{};

    std::size_t steps_ = 0;       ///< of this attempt
    std::size_t most_steps_ = 0;  ///< of those at this batch
    std::atomic<Clock::time_point> began_ = none;
    std::atomic<Clock::time_point> heard_ = none;
};

}  // namespace sluice
