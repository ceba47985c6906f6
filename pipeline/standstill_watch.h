#pragma once

#include "pipeline/ongoing_trouble.h"

#include <chrono>
#include <functional>
#include <future>
#include <string>

namespace sluice {

/// Sees that a pipeline which has work to do makes no progress, and says why: once in the log when
/// that begins and when it is over, and to whoever asks. One thread looks, and is not held up by
/// what it asks the database; text() is for any.
class StandstillWatch {
public:
    struct Questions {
        /// Whether it has waited for the database for so long that it may be for a lock.
        std::function<bool()> waits_for_database;
        /// Who holds that lock, in words; empty: nobody, as far as can be told. Throws nothing.
        /// Called on a thread of its own, which may take its time and outlive all: it has to hold
        /// what it uses.
        std::function<std::string()> in_the_way;
        /// Why it stands still, in words, if it does; knows who is in the way.
        std::function<std::string(const std::string& in_the_way)> why;
    };
    /// `about`: the pipeline.
    StandstillWatch(const std::string& about, Questions questions)
        : questions_(std::move(questions)), trouble_(about) {}

    void look();
    /// Empty: all is well.
    [[nodiscard]] std::string text() const { return trouble_.text(); }

private:
    using Clock = std::chrono::steady_clock;

    void ask();

    const Questions questions_;
    OngoingTrouble trouble_;
    Clock::time_point next_question_;  ///< to the database
    std::future<std::string> answer_;  ///< valid: it is waited for
    std::string in_the_way_;
};

}  // namespace sluice
