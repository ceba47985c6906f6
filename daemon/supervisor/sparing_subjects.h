#pragma once

#include "pipeline/encode/subject_source.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace sluice {

/// A registry for who asks it of one subject after the other: of a registry that does not answer,
/// one question waits until it gives up, and those that follow are told the same at once, for
/// three times as long as that took. So most of the asker's time is for other things. Not for
/// several threads at once.
class SparingSubjects : public SubjectSource {
public:
    using Clock = std::chrono::steady_clock;

    explicit SparingSubjects(std::shared_ptr<SubjectSource> registry,
                             std::function<Clock::time_point()> now = Clock::now)
        : registry_(std::move(registry)), now_(std::move(now)) {}

    [[nodiscard]] std::optional<SubjectSchema> latest(const std::string& subject) override;

private:
    struct Away {
        std::string why;
        Clock::time_point until;
    };

    const std::shared_ptr<SubjectSource> registry_;
    const std::function<Clock::time_point()> now_;
    std::optional<Away> away_;
};

}  // namespace sluice
