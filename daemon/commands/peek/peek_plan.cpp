#include "daemon/commands/peek/peek_plan.h"

#include "kafka/topic.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace sluice {
namespace {

using ByPartition = std::map<PartitionNumber, Offset>;

void plan_topic(rd_kafka_t& client, const std::string& topic,
                const std::vector<PartitionNumber>& partitions_of_topic, const PeekWish& wish,
                PeekPlan& whole) {
    using Start = config::Start;
    std::vector<PeekPart> plan;
    std::vector<PartitionNumber> asked;
    std::map<std::int64_t, std::vector<PartitionNumber>> times;
    for (const PartitionNumber partition : partitions_of_topic) {
        std::vector<query::ReadRange> ranges{query::ReadRange{}};
        if (wish.where) ranges = query::ranges_to_read(*wish.where, {topic, partition});
        if (ranges.empty()) continue;
        for (const query::ReadRange& range : ranges) {
            if (range.from_ms <= 0) continue;
            auto& with_it = times[range.from_ms];
            if (with_it.empty() || with_it.back() != partition) with_it.push_back(partition);
        }
        asked.push_back(partition);
        plan.push_back({topic, partition, std::move(ranges)});
    }
    if (plan.empty()) return;
    ByPartition ends = kafka::resolve_start(client, topic, {.kind = Start::Kind::latest}, asked);
    ByPartition begins =
        kafka::resolve_start(client, topic, {.kind = Start::Kind::earliest}, asked);
    if (wish.last) {
        for (auto& [partition, begin] : begins) {
            begin = std::max(begin, ends[partition] - *wish.last);
        }
    } else if (wish.from.kind != Start::Kind::earliest) {
        begins = kafka::resolve_start(client, topic, wish.from, asked);
    }
    for (auto& [partition, begin] : begins) {
        const auto goes_on = wish.goes_on_at.find({topic, partition});
        if (goes_on != wish.goes_on_at.end()) begin = goes_on->second;
    }
    std::map<std::int64_t, ByPartition> first_at;
    for (const auto& [time, partitions] : times) {
        first_at[time] = kafka::resolve_start(
            client, topic, {.kind = Start::Kind::time, .time_ms = time}, partitions);
    }
    for (PeekPart& part : plan) {
        part.ranges =
            query::settle(std::move(part.ranges), {begins[part.partition], ends[part.partition]},
                          [&](std::int64_t time) { return first_at[time][part.partition]; });
    }
    std::erase_if(plan, [](const PeekPart& part) { return part.ranges.empty(); });
    std::ranges::move(plan, std::back_inserter(whole.parts));
    for (const auto& [partition, end] : ends) whole.ends[{topic, partition}] = end;
}

}  // namespace

PeekPlan plan_peek(rd_kafka_t& client, const config::Topics& topics, const PeekWish& wish) {
    PeekPlan plan;
    for (const auto& [topic, partitions] : kafka::partitions_of(client, topics))
        plan_topic(client, topic, partitions, wish, plan);
    return plan;
}

std::map<std::string, std::vector<kafka::TopicPart>> parts_to_read(
    const std::vector<PeekPart>& plan) {
    std::map<std::string, std::vector<kafka::TopicPart>> parts;
    for (const PeekPart& part : plan) {
        auto& ranges = parts[part.topic].emplace_back(kafka::TopicPart{part.partition, {}}).ranges;
        for (const query::ReadRange& range : part.ranges) ranges.push_back(range.offsets);
    }
    return parts;
}

std::int64_t offsets_in(const std::vector<PeekPart>& plan) {
    std::int64_t offsets = 0;
    for (const PeekPart& part : plan) {
        for (const query::ReadRange& range : part.ranges) offsets += range.offsets.size();
    }
    return offsets;
}

}  // namespace sluice
