#pragma once

#include "pipeline/ingest/ports.h"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sluice::fakes {

struct FakeRecord {
    PartitionId partition = 0;
    Offset offset = 0;
    std::int64_t timestamp_ms = -1;
    std::optional<std::string> key = std::nullopt;
    std::optional<std::string> value = std::nullopt;
};

/// A topic in memory. Offsets may have gaps, the end may lie beyond the last record (transaction
/// markers), the beginning may be deleted (retention), the whole may be created anew. From any
/// thread.
class FakeTopic {
public:
    explicit FakeTopic(int partitions);

    /// Appends at the end; `gap` offsets before it hold nothing.
    Offset append(PartitionId partition, std::optional<std::string> value, Offset gap = 0);
    /// Values "first", "first + 1", …
    void append_numbers(PartitionId partition, int first, int count);
    void append_markers(PartitionId partition, Offset count);
    void delete_before(PartitionId partition, Offset offset);
    /// Compaction: the record goes, its offset stays.
    void compact_away(PartitionId partition, Offset offset);
    /// As after an election of a leader that lagged behind: the log ends there.
    void truncate(PartitionId partition, Offset end);
    /// Deleted and created anew, empty; timestamps go on, as the clock does.
    void recreate();
    /// And filled, before anybody has looked.
    void recreate_with_numbers(PartitionId partition, int first, int count);
    PartitionId add_partition();

    [[nodiscard]] std::vector<PartitionId> partitions() const;
    [[nodiscard]] OffsetRange available(PartitionId partition) const;
    [[nodiscard]] Offset first_at_or_after(PartitionId partition, std::int64_t time_ms) const;

    struct Fetched {
        std::vector<FakeRecord> records;
        Offset next = 0;  ///< where to fetch on
        bool at_end = false;
        bool out_of_range = false;
    };
    [[nodiscard]] Fetched fetch(PartitionId partition, Offset from, std::size_t most) const;
    [[nodiscard]] std::vector<FakeRecord> records() const;

private:
    struct Partition {
        Offset begin = 0;
        Offset end = 0;
        std::map<Offset, FakeRecord> records;
    };

    Offset add(PartitionId partition, std::optional<std::string> value, Offset gap);

    mutable std::mutex mutex_;  // guards all
    std::vector<Partition> partitions_;
    std::int64_t clock_ms_ = 1'700'000'000'000;
};

}  // namespace sluice::fakes
