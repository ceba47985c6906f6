#include "pipeline/ingest/lost_positions.h"

#include "pipeline/errors.h"
#include "pipeline/log.h"

#include <string>
#include <vector>

namespace sluice {

bool LostPositions::choose(PartitionId partition, LostPosition how) {
    const std::vector<ResumePoint> points = progress_.read({{partition}});
    if (points.empty()) return true;
    const Offset next = points.front().next;
    const OffsetRange available = group_.available(partition);
    const bool inside = next >= available.from && next <= available.to;
    // It is the record before that is gone; or the topic is another one, which has grown since.
    if (inside && how == LostPosition::outside) return available.from <= points.front().last.offset;

    const TopicPartition& named = partitions_[partition];
    const std::string where = name_of(named, next) + ": ";
    const std::string holds =
        "it now holds " + std::to_string(available.from) + " to " + std::to_string(available.to);
    const auto set_progress = [&](const std::string& offset) {
        return "sluice progress set " + config_.name +
               (config_.topic.only() == nullptr ? " --topic " + named.topic : "") +
               " --partition " + std::to_string(named.number) + " --offset " + offset;
    };
    const bool expired = next < available.from && how == LostPosition::outside;
    if (!expired) {
        const Offset unread = first_unread(points.front(), available);
        if (unread != available.from)
            throw LostProgress(
                where +
                "kafka has lost records that were read (a leader was elected that lagged "
                "behind, or this is the copy of a cluster): " +
                holds + ", and its first record that is newer than what was read is at " +
                std::to_string(unread) +
                "; to go on there: " + set_progress(std::to_string(unread)) +
                "; should the topic have been created anew, with records of old times: " +
                set_progress("earliest"));
    }
    const std::string what = expired ? "kafka has deleted the records up to offset " +
                                           std::to_string(available.from) + " before they were read"
                                     : "the topic was deleted and created anew (" + holds + ")";
    if (config_.on_offset_lost == config::OnOffsetLost::stop) {
        throw LostProgress(
            where + what +
            "; set on_offset_lost = \"earliest\" to go on at the first record that is there, or "
            "choose another: " +
            set_progress("N"));
    }
    const Move move = expired ? progress_.skip_lost(partition, {next, available.from})
                              : progress_.begin_anew(partition, next, available.from);
    if (move == Move::made)
        log(LogLevel::warn, about_partition(config_.name, named.number),
            where + what + "; going on at " + std::to_string(available.from));
    return true;
}

/// Where a topic that was created anew begins, all its records are newer than what was read from
/// the old one. A log that was cut off still holds records that are not.
Offset LostPositions::first_unread(const ResumePoint& point, OffsetRange available) {
    if (!point.last.known() || available.size() == 0) return available.from;
    if (point.last.timestamp_ms < 0) return available.to;
    const config::Start after{.kind = config::Start::Kind::time,
                              .time_ms = point.last.timestamp_ms + 1};
    return group_.resolve(after, {{point.partition}}).front().next;
}

}  // namespace sluice
