#include "pipeline/ingest/lane_mailbox.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice {

void LaneMailbox::end() {
    {
        const std::lock_guard lock{mutex_};
        ending_ = true;
        set_hurried_(true);
    }
    changed_.notify_all();
}

void LaneMailbox::start(std::vector<ResumePoint> points) {
    const std::lock_guard lock{mutex_};
    std::ranges::move(points, std::back_inserter(to_start_));
}

void LaneMailbox::stop(std::span<const PartitionId> partitions) {
    {
        const std::lock_guard lock{mutex_};
        for (const PartitionId partition : partitions) {
            std::erase_if(to_start_,
                          [&](const ResumePoint& point) { return point.partition == partition; });
            to_stop_.insert(partition);
        }
        if (!to_stop_.empty()) set_hurried_(true);
    }
    changed_.notify_all();
}

void LaneMailbox::set_limits(const Limits& limits) {
    const std::lock_guard lock{mutex_};
    new_limits_ = limits;
}

bool LaneMailbox::wait_until_stopped(std::span<const PartitionId> partitions,
                                     Clock::time_point deadline) {
    std::unique_lock lock{mutex_};
    return changed_.wait_until(lock, deadline, [&] {
        return ended_ || std::ranges::none_of(partitions, [&](PartitionId partition) {
                   return to_stop_.contains(partition);
               });
    });
}

bool LaneMailbox::serves(PartitionId partition) const {
    const std::lock_guard lock{mutex_};
    return open_.contains(partition) ||
           std::ranges::any_of(
               to_start_, [&](const ResumePoint& point) { return point.partition == partition; });
}

LaneMailbox::Orders LaneMailbox::take() {
    const std::lock_guard lock{mutex_};
    Orders orders{
        .end = ending_, .limits = std::exchange(new_limits_, std::nullopt), .to_stop = to_stop_};
    if (ending_ || !to_stop_.empty()) return orders;
    // stop() took back the starts before it: those that are left came after.
    orders.to_start = std::exchange(to_start_, {});
    for (const ResumePoint& point : orders.to_start) open_.insert(point.partition);
    return orders;
}

void LaneMailbox::note_stopped(const std::set<PartitionId>& partitions) {
    const std::lock_guard lock{mutex_};
    for (const PartitionId partition : partitions) to_stop_.erase(partition);
    set_hurried_(ending_ || !to_stop_.empty());
    changed_.notify_all();
}

void LaneMailbox::note_closed(PartitionId partition) {
    const std::lock_guard lock{mutex_};
    open_.erase(partition);
}

void LaneMailbox::note_ended() {
    const std::lock_guard lock{mutex_};
    ended_ = true;
    changed_.notify_all();
}

bool LaneMailbox::wait(std::chrono::milliseconds time) {
    std::unique_lock lock{mutex_};
    return !changed_.wait_for(lock, time, [&] { return ending_ || !to_stop_.empty(); });
}

}  // namespace sluice
