#include "pipeline/partition_table.h"

#include <bit>

namespace sluice {
namespace {

struct Place {
    std::size_t block;
    std::size_t index;
};

/// Block b begins at first * (2^b - 1).
Place place_of(PartitionId id, std::size_t first) {
    const std::size_t at = static_cast<std::size_t>(id) / first + 1;
    const auto block = static_cast<std::size_t>(std::bit_width(at)) - 1;
    return {block, static_cast<std::size_t>(id) - first * ((std::size_t{1} << block) - 1)};
}

}  // namespace

const TopicPartition& PartitionTable::of(std::string_view topic, PartitionNumber number) {
    const std::lock_guard lock{mutex_};
    auto of_topic = topics_.find(topic);
    if (of_topic == topics_.end()) of_topic = topics_.try_emplace(std::string(topic)).first;
    const auto [known, is_new] = of_topic->second.try_emplace(number, size_);
    const auto [block, index] = place_of(known->second, first_block);
    if (!is_new) return blocks_[block][index];
    if (index == 0) blocks_[block] = std::make_unique<TopicPartition[]>(first_block << block);
    return blocks_[block][index] = {std::string(topic), number, size_++};
}

const TopicPartition* PartitionTable::find(std::string_view topic, PartitionNumber number) const {
    const std::lock_guard lock{mutex_};
    const auto of_topic = topics_.find(topic);
    if (of_topic == topics_.end()) return nullptr;
    const auto known = of_topic->second.find(number);
    return known == of_topic->second.end() ? nullptr : &(*this)[known->second];
}

const TopicPartition& PartitionTable::operator[](PartitionId id) const {
    const auto [block, index] = place_of(id, first_block);
    return blocks_[block][index];
}

std::string name_of(const TopicPartition& partition) {
    return partition.topic + '[' + std::to_string(partition.number) + ']';
}

std::string name_of(const TopicPartition& partition, Offset offset) {
    return name_of(partition) + '@' + std::to_string(offset);
}

}  // namespace sluice
