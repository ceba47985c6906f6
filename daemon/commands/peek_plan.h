#pragma once

#include "config/config.h"
#include "kafka/handles.h"
#include "kafka/topic_reader.h"
#include "query/read_ranges.h"

#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// Which records are wanted.
struct PeekWish {
    std::optional<config::Condition> where;
    config::Start from;                ///< where each partition begins
    std::optional<std::int64_t> last;  ///< instead of `from`: so many offsets before its end
};

/// What is to be read of one partition.
struct PeekPart {
    PartitionNumber partition = 0;
    std::vector<query::ReadRange> ranges;  ///< settled; not empty
};

/// Finds out what has to be read, up to the ends that the partitions have now. Throws
/// TroubleOfTheWorld when Kafka does not answer or has no such topic.
[[nodiscard]] std::vector<PeekPart> plan_peek(rd_kafka_t& client, const std::string& topic,
                                              const PeekWish& wish);

[[nodiscard]] std::vector<kafka::TopicPart> parts_to_read(const std::vector<PeekPart>& plan);
/// How many offsets these parts have.
[[nodiscard]] std::int64_t offsets_in(const std::vector<PeekPart>& plan);

}  // namespace sluice
