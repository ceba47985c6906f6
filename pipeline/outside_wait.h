#pragma once

#include <chrono>
#include <mutex>
#include <string>

namespace sluice {

/// What a pipeline's own thread waits for in the world outside, and since when, so that others see
/// that it hangs. One thread says what it waits for; the rest is for any.
class OutsideWait {
public:
    enum class Party { database, kafka, both };

    /// What is waited for as long as it lives.
    class Step {
    public:
        /// `doing`, of the pipeline: "looks up its table".
        Step(OutsideWait& wait, const char* doing, Party party) : wait_(wait) {
            next(doing, party);
        }
        void next(const char* doing, Party party) { wait_.set(doing, party); }
        ~Step() { wait_.set(nullptr, {}); }
        Step(const Step&) = delete;
        Step& operator=(const Step&) = delete;

    private:
        OutsideWait& wait_;
    };

    /// What is waited for goes on, though it may take long as a whole. From any thread.
    void note_step();
    /// Where it hangs and since when, and what to do, in words, if that is longer than `patience`;
    /// empty: it does not.
    [[nodiscard]] std::string stuck(std::chrono::milliseconds patience) const;

private:
    using Clock = std::chrono::steady_clock;

    void set(const char* doing, Party party);

    mutable std::mutex mutex_;     // guards what follows
    const char* doing_ = nullptr;  ///< null: nothing is waited for
    Party party_ = Party::database;
    Clock::time_point since_;
};

}  // namespace sluice
