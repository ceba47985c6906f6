#pragma once

#include "config/config.h"
#include "pipeline/ingest/ports.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace sluice {

/// What others want of a lane, until its thread takes it and says that it is done.
class LaneMailbox {
public:
    using Clock = std::chrono::steady_clock;

    struct Limits {
        config::BatchLimits batch;
        bool reads_on = true;  ///< as LaneOptions has it
    };
    struct Orders {
        bool end = false;
        std::optional<Limits> limits{};
        std::set<PartitionId> to_stop{};
        std::vector<ResumePoint> to_start{};  ///< empty as long as any are to be stopped
    };

    /// `set_hurried` is told whether somebody waits for the lane, on whoever's thread, and must not
    /// call back.
    explicit LaneMailbox(std::function<void(bool)> set_hurried)
        : set_hurried_(std::move(set_hurried)) {}

    // For any thread; the lane's has to be woken up afterwards.
    void end();
    void start(std::vector<ResumePoint> points);
    void stop(std::span<const PartitionId> partitions);
    void set_limits(const Limits& limits);
    bool wait_until_stopped(std::span<const PartitionId> partitions, Clock::time_point deadline);
    [[nodiscard]] bool serves(PartitionId partition) const;

    // For the lane's.
    /// What is to be started is served from here on, and what is to be stopped is told until
    /// note_stopped().
    [[nodiscard]] Orders take();
    void note_stopped(const std::set<PartitionId>& partitions);
    void note_closed(PartitionId partition);
    void note_ended();
    /// False when somebody waits for the lane, at once.
    [[nodiscard]] bool wait(std::chrono::milliseconds time);

private:
    const std::function<void(bool)> set_hurried_;

    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::vector<ResumePoint> to_start_;
    std::set<PartitionId> to_stop_;
    std::optional<Limits> new_limits_;
    std::set<PartitionId> open_;
    bool ending_ = false;
    bool ended_ = false;
};

}  // namespace sluice
