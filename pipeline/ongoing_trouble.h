#pragma once

#include <chrono>
#include <mutex>
#include <string>

namespace sluice {

/// Why something does not go on, in words, as the status shows it. Each reason is logged once when
/// it begins and once when it is over, whatever it does in between: numbers in it, such as how long
/// it lasts, may change. One thread begins and ends it; text() is for any.
class OngoingTrouble {
public:
    /// `about` begins its lines in the log: a pipeline, or "orders/1" for a lane.
    explicit OngoingTrouble(std::string about) : about_(std::move(about)) {}
    /// What is still the matter is over, for whom it was about is gone.
    ~OngoingTrouble() { end(); }
    OngoingTrouble(const OngoingTrouble&) = delete;
    OngoingTrouble& operator=(const OngoingTrouble&) = delete;

    /// Nothing, where it is the reason already. `besides`: for the log, such as what is done now.
    void begin(const std::string& reason, const std::string& besides = {});
    /// Nothing, where there is none.
    void end();
    /// begin(), or, for an empty reason, end().
    void set(const std::string& reason);
    /// Empty: all is well.
    [[nodiscard]] std::string text() const;

private:
    const std::string about_;
    std::chrono::steady_clock::time_point since_;

    mutable std::mutex mutex_;  // guards reason_, which one thread alone writes
    std::string reason_;
};

}  // namespace sluice
