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
    std::optional<std::vector<PartitionId>> all;
    if (is_first) all = group_.partitions();
    std::map<std::string, std::vector<PartitionId>> by_topic;
    for (const PartitionId partition : is_first ? *all : missing)
        by_topic[partitions_[partition].topic].push_back(partition);
    std::vector<Position> starts;
    for (auto& [topic, partitions] : by_topic) {
        try {
            const bool from_beginning = begins_at_its_beginning(topic, read_before);
            if (!from_beginning && !is_first) {
                if (!all) all = group_.partitions();
                partitions.clear();
                std::ranges::copy_if(
                    *all, std::back_inserter(partitions),
                    [&, &of = topic](PartitionId each) { return partitions_[each].topic == of; });
            }
            std::ranges::move(
                group_.resolve(from_beginning ? config::Start{} : config_.start, partitions),
                std::back_inserter(starts));
        } catch (const TroubleOfTheWorld& world) {
            trouble = world.what();
        }
    }
    progress_.anchor(starts);
    SLUICE_FAIL_POINT("after_anchor");
}

/// What fits an expression once the pipeline reads others came later, like what was seen to come.
bool ResumePoints::begins_at_its_beginning(const std::string& topic,
                                           const std::set<std::string>& read_before) const {
    const bool came_to_fit = !config_.topic.regex.empty() && !read_before.empty();
    return read_before.contains(topic) || came_to_fit || group_.is_new(topic);
}

}  // namespace sluice
