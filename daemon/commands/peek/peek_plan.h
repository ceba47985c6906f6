#pragma once

#include "config/config.h"
#include "kafka/handles.h"
#include "kafka/topic_reader.h"
#include "query/read_ranges.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// By topic and partition.
using PartitionEnds = std::map<std::pair<std::string, PartitionNumber>, Offset>;

/// Which records are wanted.
struct PeekWish {
    std::optional<config::Condition> where;
    config::Start from;                ///< where each partition begins
    std::optional<std::int64_t> last;  ///< instead of `from`: so many offsets before its end
    /// Instead of either, where it names the partition: what was shown ended here.
    PartitionEnds goes_on_at{};
};

/// What is to be read of one partition.
struct PeekPart {
    std::string topic;
    PartitionNumber partition = 0;
    std::vector<query::ReadRange> ranges;  ///< settled; not empty
};

struct PeekPlan {
    std::vector<PeekPart> parts;
    PartitionEnds ends;  ///< of all partitions that can hold what is wanted
};

/// Finds out what has to be read, topic by topic, up to the ends that the partitions have now.
/// Throws TroubleOfTheWorld when Kafka does not answer or has no such topic.
[[nodiscard]] PeekPlan plan_peek(rd_kafka_t& client, const config::Topics& topics,
                                 const PeekWish& wish);

/// By topic.
[[nodiscard]] std::map<std::string, std::vector<kafka::TopicPart>> parts_to_read(
    const std::vector<PeekPart>& plan);
/// How many offsets these parts have.
[[nodiscard]] std::int64_t offsets_in(const std::vector<PeekPart>& plan);

}  // namespace sluice
