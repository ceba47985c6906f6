#pragma once

#include "pipeline/partition_table.h"

#include <memory>
#include <string>

namespace sluice::fakes {

/// Partitions 0, 1, … of a topic, to a table that knows none: their ids are their numbers.
inline void add_partitions(PartitionTable& table, const std::string& topic) {
    constexpr PartitionNumber many = 100;
    for (PartitionNumber number = 0; number < many; ++number) table.of(topic, number);
}

inline std::shared_ptr<PartitionTable> partitions_of(const std::string& topic) {
    auto table = std::make_shared<PartitionTable>();
    add_partitions(*table, topic);
    return table;
}

/// For records of tests; these live as long as the process.
inline const TopicPartition* orders(PartitionNumber number) {
    static const auto table = partitions_of("orders");
    return &(*table)[number];
}

}  // namespace sluice::fakes
