#pragma once

#include "pipeline/record.h"

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// The partitions that one pipeline reads, of however many topics, behind dense ids. Only grows,
/// and lives as long as the process knows the pipeline. From any thread; an id is read without a
/// lock by whoever was handed it.
class PartitionTable {
public:
    PartitionTable() = default;
    PartitionTable(const PartitionTable&) = delete;
    PartitionTable& operator=(const PartitionTable&) = delete;

    /// The partition, a new one if need be.
    const TopicPartition& of(std::string_view topic, PartitionNumber number);
    PartitionId id_of(std::string_view topic, PartitionNumber number) {
        return of(topic, number).id;
    }
    /// nullptr: there is none yet.
    [[nodiscard]] const TopicPartition* find(std::string_view topic, PartitionNumber number) const;
    [[nodiscard]] const TopicPartition& operator[](PartitionId id) const;

private:
    /// Each block has twice the places of the one before, and no place ever moves.
    static constexpr std::size_t first_block = 64;
    std::array<std::unique_ptr<TopicPartition[]>, 26> blocks_;

    mutable std::mutex mutex_;  // guards what follows, and who adds
    PartitionId size_ = 0;
    std::map<std::string, std::map<PartitionNumber, PartitionId>, std::less<>> topics_;
};

}  // namespace sluice
