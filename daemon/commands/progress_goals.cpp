#include "daemon/commands/progress_goals.h"

#include "kafka/topic.h"
#include "sinks/books/cloudberry_progress.h"

#include <algorithm>

namespace sluice {

ProgressGoals::ProgressGoals(const config::Config& config, const config::Ingest& ingest,
                             rd_kafka_t& client)
    : client_(client),
      schema_(config.cloudberry.schema),
      pipeline_(ingest.name),
      topics_(ingest.topic),
      cluster_id_(kafka::cluster_id(client)) {}

void ProgressGoals::aim_at_ends() {
    std::vector<ProgressGoal> goals;
    for (const auto& [topic, partitions] : kafka::partitions_of(client_, topics_))
        for (const auto& [partition, range] : kafka::available_offsets(client_, topic, partitions))
            goals.push_back({.topic = topic,
                             .partition = partition,
                             .until = range.to,
                             .end = range.to,
                             .next = {}});
    goals_ = std::move(goals);
}

void ProgressGoals::aim_at(const std::string& topic, PartitionNumber partition, Offset offset) {
    const Offset end = kafka::available_offsets(client_, topic, partition).to;
    goals_ = {
        {.topic = topic, .partition = partition, .until = offset + 1, .end = end, .next = {}}};
}

void ProgressGoals::read(Session& session) {
    for (const ProgressRow& row : read_progress(session, schema_, pipeline_)) {
        if (row.cluster_id != cluster_id_) continue;
        const auto goal = std::ranges::find_if(goals_, [&](const ProgressGoal& each) {
            return each.partition == row.partition && each.topic == row.topic;
        });
        if (goal == goals_.end()) continue;
        goal->next = row.next;
        // The topic may have grown since it was asked.
        if (goal->beyond())
            goal->end = kafka::available_offsets(client_, goal->topic, goal->partition).to;
    }
}

bool ProgressGoals::reached() const {
    return std::ranges::all_of(goals_, &ProgressGoal::reached);
}

}  // namespace sluice
