#include "tests/fakes/fake_topic.h"

namespace sluice::fakes {

FakeTopic::FakeTopic(int partitions) : partitions_(static_cast<std::size_t>(partitions)) {}

Offset FakeTopic::append(PartitionId partition, std::optional<std::string> value, Offset gap) {
    const std::lock_guard lock{mutex_};
    return add(partition, std::move(value), gap);
}

/// The caller holds the mutex.
Offset FakeTopic::add(PartitionId partition, std::optional<std::string> value, Offset gap) {
    Partition& to = partitions_.at(static_cast<std::size_t>(partition));
    const Offset offset = to.end + gap;
    to.records[offset] = {partition, offset, ++clock_ms_, std::nullopt, std::move(value)};
    to.end = offset + 1;
    return offset;
}

void FakeTopic::append_numbers(PartitionId partition, int first, int count) {
    for (int i = 0; i < count; ++i) append(partition, std::to_string(first + i));
}

void FakeTopic::append_markers(PartitionId partition, Offset count) {
    const std::lock_guard lock{mutex_};
    partitions_.at(static_cast<std::size_t>(partition)).end += count;
}

void FakeTopic::delete_before(PartitionId partition, Offset offset) {
    const std::lock_guard lock{mutex_};
    Partition& from = partitions_.at(static_cast<std::size_t>(partition));
    from.begin = offset;
    from.records.erase(from.records.begin(), from.records.lower_bound(offset));
}

void FakeTopic::compact_away(PartitionId partition, Offset offset) {
    const std::lock_guard lock{mutex_};
    partitions_.at(static_cast<std::size_t>(partition)).records.erase(offset);
}

void FakeTopic::truncate(PartitionId partition, Offset end) {
    const std::lock_guard lock{mutex_};
    Partition& from = partitions_.at(static_cast<std::size_t>(partition));
    from.end = end;
    from.records.erase(from.records.lower_bound(end), from.records.end());
}

void FakeTopic::recreate() {
    const std::lock_guard lock{mutex_};
    for (Partition& partition : partitions_) partition = {};
}

void FakeTopic::recreate_with_numbers(PartitionId partition, int first, int count) {
    const std::lock_guard lock{mutex_};
    for (Partition& each : partitions_) each = {};
    for (int i = 0; i < count; ++i) add(partition, std::to_string(first + i), 0);
}

PartitionId FakeTopic::add_partition() {
    const std::lock_guard lock{mutex_};
    partitions_.emplace_back();
    return static_cast<PartitionId>(partitions_.size()) - 1;
}

std::vector<PartitionId> FakeTopic::partitions() const {
    const std::lock_guard lock{mutex_};
    std::vector<PartitionId> all;
    for (std::size_t i = 0; i < partitions_.size(); ++i) all.push_back(static_cast<PartitionId>(i));
    return all;
}

OffsetRange FakeTopic::available(PartitionId partition) const {
    const std::lock_guard lock{mutex_};
    const Partition& of = partitions_.at(static_cast<std::size_t>(partition));
    return {of.begin, of.end};
}

Offset FakeTopic::first_at_or_after(PartitionId partition, std::int64_t time_ms) const {
    const std::lock_guard lock{mutex_};
    const Partition& of = partitions_.at(static_cast<std::size_t>(partition));
    for (const auto& [offset, record] : of.records) {
        if (record.timestamp_ms >= time_ms) return offset;
    }
    return of.end;
}

FakeTopic::Fetched FakeTopic::fetch(PartitionId partition, Offset from, std::size_t most) const {
    const std::lock_guard lock{mutex_};
    const Partition& of = partitions_.at(static_cast<std::size_t>(partition));
    Fetched fetched;
    fetched.next = from;
    fetched.out_of_range = from < of.begin || from > of.end;
    if (fetched.out_of_range) return fetched;
    auto record = of.records.lower_bound(from);
    for (; record != of.records.end() && fetched.records.size() < most; ++record) {
        fetched.records.push_back(record->second);
        fetched.next = record->first + 1;
    }
    if (record == of.records.end()) fetched.next = of.end;
    fetched.at_end = fetched.next == of.end;
    return fetched;
}

std::vector<FakeRecord> FakeTopic::records() const {
    const std::lock_guard lock{mutex_};
    std::vector<FakeRecord> all;
    for (const Partition& partition : partitions_) {
        for (const auto& [offset, record] : partition.records) all.push_back(record);
    }
    return all;
}

}  // namespace sluice::fakes
