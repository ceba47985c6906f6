#include "pipeline/ingest/resume_points.h"

#include "pipeline/errors.h"
#include "pipeline/fail_point.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>

namespace sluice {

std::vector<ResumePoint> ResumePoints::read(const std::vector<PartitionId>& of,
                                            std::string& trouble) {
    std::vector<ResumePoint> points = progress_.read(of);
    std::set<PartitionId> missing(of.begin(), of.end());
    for (const ResumePoint& point : points) missing.erase(point.partition);
    if (missing.empty()) return points;
    anchor({missing.begin(), missing.end()}, trouble);
    return progress_.read(of);
}

/// `start =` is about the first start of reading a topic, and holds for all partitions that it has
/// then, whichever daemon serves them. A partition that appears later is read from its beginning:
/// all that it holds was written after that start. So is a topic that comes to fit an expression:
/// those that fit at first are anchored together. One topic that Kafka does not tell about, as when
/// it was just deleted, holds up no other.
void ResumePoints::anchor(const std::vector<PartitionId>& missing, std::string& trouble) {
    const std::set<std::string> read_before = progress_.topics();
    const bool is_first = !config_.topic.regex.empty() && read_before.empty();
    ByTopic from_beginning;
    ByTopic from_start;
    for (const PartitionId partition : is_first ? group_.partitions() : missing) {
        const std::string& topic = partitions_[partition].topic;
        const bool at_beginning = begins_at_its_beginning(topic, read_before);
        (at_beginning ? from_beginning : from_start)[topic].push_back(partition);
    }
    std::vector<Position> starts = resolve({}, from_beginning, trouble);
    try {
        if (!from_start.empty() && !is_first) {
            for (auto& [topic, partitions] : from_start) partitions.clear();
            for (const PartitionId partition : group_.partitions())
                if (const auto of = from_start.find(partitions_[partition].topic);
                    of != from_start.end())
                    of->second.push_back(partition);
        }
        std::ranges::move(resolve(config_.start, from_start, trouble), std::back_inserter(starts));
    } catch (const TroubleOfTheWorld& world) {
        trouble = world.what();
    }
    progress_.anchor(starts);
    SLUICE_FAIL_POINT("after_anchor");
}

/// By one question, and where that fails by one for each topic.
std::vector<Position> ResumePoints::resolve(const config::Start& start, const ByTopic& of,
                                            std::string& trouble) {
    std::vector<PartitionId> all;
    for (const auto& [topic, partitions] : of)
        all.insert(all.end(), partitions.begin(), partitions.end());
    try {
        if (all.empty()) return {};
        return group_.resolve(start, all);
    } catch (const TroubleOfTheWorld& world) {
        if (of.size() == 1) {
            trouble = world.what();
            return {};
        }
    }
    std::vector<Position> found;
    for (const auto& [topic, partitions] : of) {
        try {
            std::ranges::move(group_.resolve(start, partitions), std::back_inserter(found));
        } catch (const TroubleOfTheWorld& world) {
            trouble = world.what();
        }
    }
    return found;
}

/// What fits an expression once the pipeline reads others came later, like what was seen to come.
bool ResumePoints::begins_at_its_beginning(const std::string& topic,
                                           const std::set<std::string>& read_before) const {
    const bool came_to_fit = !config_.topic.regex.empty() && !read_before.empty();
    return read_before.contains(topic) || came_to_fit || group_.is_new(topic);
}

}  // namespace sluice
