#include "sinks/load/isolation/alike_patience.h"

#include <algorithm>

namespace sluice {
namespace {

/// Of a target, by partition: its first record that has rows there.
std::map<PartitionId, Offset> firsts_of(const Batch& batch, TargetId target) {
    std::map<PartitionId, Offset> firsts;
    const auto take = [&](const EncodedRows& rows) {
        for (const EncodedRows::Row& row : rows.rows) {
            const Record record = batch.records.at(row.record);
            const auto [first, is_new] = firsts.try_emplace(record.from->id, record.offset);
            if (!is_new) first->second = std::min(first->second, record.offset);
        }
    };
    take(batch.targets[target].binary);
    take(batch.targets[target].text);
    return firsts;
}

}  // namespace

/// The longest that one of the batch's partitions has waited at the record where it is now.
std::optional<AlikePatience::Clock::time_point> AlikePatience::since(const Batch& batch,
                                                                     TargetId target) const {
    std::optional<Clock::time_point> since;
    if (held_.empty()) return since;
    for (const auto& [partition, first] : firsts_of(batch, target)) {
        const auto held = held_.find({target, partition});
        if (held != held_.end() && held->second.at == first)
            since = std::min(since.value_or(held->second.since), held->second.since);
    }
    return since;
}

Alike AlikePatience::of(const Batch& batch, std::optional<TargetId> target) const {
    std::optional<Clock::time_point> began;
    if (target)
        began = since(batch, *target);
    else if (only_)
        began = only_->since;
    const bool is_over = began && reject_after_ && Clock::now() - *began >= *reject_after_;
    return is_over ? Alike::refuse : Alike::wait;
}

void AlikePatience::note(const Batch& batch, std::optional<TargetId> target) {
    const auto now = Clock::now();
    if (!target) {
        if (auto moves = moves_of(batch); !only_ || only_->of != moves)
            only_ = {std::move(moves), now};
        return;
    }
    for (const auto& [partition, first] : firsts_of(batch, *target)) {
        const auto [held, is_new] = held_.try_emplace({*target, partition}, Held{first, now});
        if (!is_new && held->second.at != first) held->second = {first, now};
    }
}

void AlikePatience::end(const Batch& batch, const std::vector<TargetId>& targets) {
    if (held_.empty()) return;
    for (const Slice& slice : batch.slices())
        for (const TargetId target : targets) held_.erase({target, slice.partition});
}

}  // namespace sluice
