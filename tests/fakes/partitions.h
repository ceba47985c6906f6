#pragma once

#include "config/topics.h"
#include "pipeline/partition_table.h"

#include <memory>
#include <string>

namespace sluice::fakes {

/// Partitions 0, 1, … of a topic, to a table that knows none: their ids are their numbers.
inline void add_partitions(PartitionTable& table, const std::string& topic) {
    constexpr PartitionNumber many = 100;
    for (PartitionNumber number = 0; number < many; ++number) table.of(topic, number);
}

/// Of several topics each has the partition 0 only: their ids count up with the topics.
inline void add_partitions(PartitionTable& table, const config::Topics& topics) {
    if (const std::string* const only = topics.only()) return add_partitions(table, *only);
    for (const std::string& topic : topics.names) table.of(topic, 0);
}

inline std::shared_ptr<PartitionTable> partitions_of(const config::Topics& topics) {
    auto table = std::make_shared<PartitionTable>();
    add_partitions(*table, topics);
    return table;
}

/// For records of tests; these live as long as the process.
inline const TopicPartition* orders(PartitionNumber number) {
    static const auto table = partitions_of("orders");
    return &(*table)[number];
}

}  // namespace sluice::fakes
