#pragma once

#include "pipeline/batch.h"
#include "pipeline/mapping/targets.h"
#include "sinks/load/batch_moves.h"
#include "sinks/load/isolation/row_isolation.h"

#include <chrono>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace sluice {

/// How long rows that are all refused alike have waited, since the data need not be to blame for
/// that. Of a lane; used by its thread.
class AlikePatience {
public:
    /// nullopt: for ever.
    explicit AlikePatience(std::optional<std::chrono::milliseconds> reject_after)
        : reject_after_(reject_after) {}

    /// What is to become of a batch's rows that are refused alike. `target`: of several, whose they
    /// are.
    [[nodiscard]] Alike of(const Batch& batch, std::optional<TargetId> target) const;
    /// They wait, from now on or from before.
    void note(const Batch& batch, std::optional<TargetId> target);
    /// The only target's did not.
    void end() { only_.reset(); }
    /// Of several targets, these have taken the batch.
    void end(const Batch& batch, const std::vector<TargetId>& targets);

private:
    using Clock = std::chrono::steady_clock;

    [[nodiscard]] std::optional<Clock::time_point> since(const Batch& batch, TargetId target) const;

    const std::optional<std::chrono::milliseconds> reject_after_;
    struct Waiting {
        std::vector<BatchMove> of;  ///< the batch's
        Clock::time_point since;
    };
    std::optional<Waiting> only_;
    /// Of several targets, by partition: at which record it waits for the target. One that has got
    /// past it, however that came, waits anew for what comes later.
    struct Held {
        Offset at;
        Clock::time_point since;
    };
    std::map<std::pair<TargetId, PartitionId>, Held> held_;
};

}  // namespace sluice
