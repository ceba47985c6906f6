#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace sluice {

/// Which lane a partition goes to: the one that has least. Where topics have tables of their own
/// and are many, a topic's partitions go to one lane as far as that keeps lanes about equal: a
/// table is then in fewer batches.
class LaneLoad {
public:
    enum class Topics { spread, together };

    LaneLoad(std::size_t lanes, Topics topics) : of_lane_(lanes), topics_(topics) {}

    /// A partition of which no lane is known yet.
    void note_waiting() { ++partitions_; }
    /// A partition that this lane has.
    void note(const std::string& topic, std::size_t lane) {
        ++partitions_;
        take(topic, lane);
    }
    /// For one that waits: it is the lane's from here on.
    std::size_t choose(const std::string& topic) {
        const auto least =
            static_cast<std::size_t>(std::ranges::min_element(of_lane_) - of_lane_.begin());
        const auto found = of_topic_.find(topic);
        const bool together =
            topics_ == Topics::together && found != of_topic_.end() &&
            (of_lane_[found->second] - of_lane_[least]) * of_lane_.size() * apart <= partitions_;
        return take(topic, together ? found->second : least);
    }
    /// The same, where the lane is known.
    std::size_t take(const std::string& topic, std::size_t lane) {
        ++of_lane_[lane];
        of_topic_[topic] = lane;
        return lane;
    }

private:
    /// A lane has more than another by such a part of what one has on average, at most.
    static constexpr std::size_t apart = 8;

    std::vector<std::size_t> of_lane_;
    const Topics topics_;
    std::map<std::string, std::size_t> of_topic_;  ///< who got its latest partition
    std::size_t partitions_ = 0;
};

}  // namespace sluice
