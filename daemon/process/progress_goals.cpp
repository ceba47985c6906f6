#include "daemon/process/progress_goals.h"

#include "kafka/topic.h"
#include "pipeline/errors.h"
#include "sinks/books/cloudberry_progress.h"

#include <algorithm>

namespace sluice {

ProgressGoals::ProgressGoals(const config::Config& config, const config::Ingest& ingest,
                             rd_kafka_t& client)
    : client_(client),
      schema_(config.cloudberry.schema),
      pipeline_(ingest.name),
      topic_(ingest.topic),
      cluster_id_(kafka::cluster_id(client)) {}

void ProgressGoals::aim_at_ends() {
    std::vector<ProgressGoal> goals;
    for (const PartitionNumber partition : kafka::partitions_of(client_, topic_)) {
        const Offset end = kafka::available_offsets(client_, topic_, partition).to;
        goals.push_back({.partition = partition, .until = end, .end = end, .next = {}});
    }
    goals_ = std::move(goals);
}

void ProgressGoals::aim_at(PartitionNumber partition, Offset offset) {
    const std::vector<PartitionNumber> partitions = kafka::partitions_of(client_, topic_);
    if (std::ranges::find(partitions, partition) == partitions.end()) {
        throw WrongConfiguration("topic \"" + topic_ + "\" has no partition " +
                                 std::to_string(partition) + "; it has 0 to " +
                                 std::to_string(partitions.back()));
    }
    const Offset end = kafka::available_offsets(client_, topic_, partition).to;
    goals_ = {{.partition = partition, .until = offset + 1, .end = end, .next = {}}};
}

void ProgressGoals::read(Session& session) {
    for (const ProgressRow& row : read_progress(session, schema_, pipeline_)) {
        if (row.topic != topic_ || row.cluster_id != cluster_id_) continue;
        const auto goal = std::ranges::find(goals_, row.partition, &ProgressGoal::partition);
        if (goal == goals_.end()) continue;
        goal->next = row.next;
        // The topic may have grown since it was asked.
        if (goal->beyond())
            goal->end = kafka::available_offsets(client_, topic_, goal->partition).to;
    }
}

bool ProgressGoals::reached() const {
    return std::ranges::all_of(goals_, &ProgressGoal::reached);
}

}  // namespace sluice
