#include "kafka/unclaimed_watch.h"

#include "kafka/unclaimed.h"

#include <utility>

namespace sluice::kafka {
namespace {

/// Longer than any handing over should take, in which a partition is nobody's for a moment.
constexpr std::chrono::seconds unclaimed_patience{3};
constexpr std::chrono::seconds time_between_looks{1};
/// Two questions, each of which may stand behind a Fetch that the broker holds back for
/// fetch.wait.max.ms: half a second, where nothing comes.
constexpr std::chrono::milliseconds look_timeout{2000};

}  // namespace

std::string UnclaimedWatch::why_to_join_anew(rd_kafka_t& client) {
    if (std::exchange(outdated_, false))
        return "the group gave out what was read before, and not what there is to read now";
    const auto now = Clock::now();
    if (!doubtful_ || now < next_look_) return {};
    next_look_ = now + time_between_looks;
    const std::optional<bool> found =
        has_unclaimed_partition(client, group_, topics_, look_timeout);
    if (!found.value_or(false)) {
        unclaimed_since_.reset();
        if (found) doubtful_ = false;
        return {};
    }
    if (!unclaimed_since_) unclaimed_since_ = now;
    if (now - *unclaimed_since_ < unclaimed_patience) return {};
    unclaimed_since_.reset();
    return "partitions are nobody's since a rebalance was cut short";
}

}  // namespace sluice::kafka
