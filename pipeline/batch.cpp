#include "pipeline/batch.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

namespace sluice {

namespace {

/// What a reject takes besides its record.
std::size_t size_of(const Reject& reject) {
    std::size_t size = sizeof reject;
    for (const Reason& reason : reject.reasons) {
        size += sizeof reason + reason.column.capacity() + reason.text.capacity();
    }
    return size;
}

}  // namespace

Slice& Batch::slice(PartitionId partition, Offset from) {
    const auto at = static_cast<std::size_t>(partition);
    if (at >= slice_of_partition_.size()) slice_of_partition_.resize(at + 1, -1);
    if (slice_of_partition_[at] < 0) {
        slice_of_partition_[at] = static_cast<std::int32_t>(slices_.size());
        Slice& opened = slices_.emplace_back();
        opened.partition = partition;
        opened.range = {from, from};
    }
    return slices_[static_cast<std::size_t>(slice_of_partition_[at])];
}

void Batch::reject(RecordLog::Index record, std::vector<Reason> reasons, RejectCause cause) {
    rejects.push_back({record, std::move(reasons), cause});
    reject_bytes_ += size_of(rejects.back());
}

std::vector<Reason> Batch::take_back_reject() {
    reject_bytes_ -= size_of(rejects.back());
    std::vector<Reason> reasons = std::move(rejects.back().reasons);
    rejects.pop_back();
    return reasons;
}

bool Batch::refuse(std::vector<Reject> refused) {
    const std::size_t changes_left = change_count() - refused.size();
    std::ranges::stable_sort(refused, {}, &Reject::record);
    std::vector<bool> out(records.size());
    for (Reject& each : refused) {
        if (out[each.record]) {
            std::vector<Reason> reasons = take_back_reject();
            std::ranges::move(each.reasons, std::back_inserter(reasons));
            each.reasons = std::move(reasons);
        } else {
            out[each.record] = true;
            const Record record = records.at(each.record);
            Slice& its = slice(record.from->id, record.offset);
            --its.loaded;
            ++its.rejected;
        }
        reject(each.record, std::move(each.reasons), RejectCause::refused);
    }
    take_out(out);
    return change_count() < changes_left;
}

void Batch::set_without_effect(WithoutEffect of) {
    const auto count = [this](const std::vector<RecordLog::Index>& indices, std::int64_t Slice::*as,
                              int more) {
        for (const RecordLog::Index index : indices) {
            const auto partition = static_cast<std::size_t>(records.from(index)->id);
            Slice& its = slices_[static_cast<std::size_t>(slice_of_partition_[partition])];
            its.loaded -= more;
            its.*as += more;
        }
    };
    for (const auto& [said, more] : {std::pair(&without_effect_, -1), std::pair(&of, 1)}) {
        count(said->superseded, &Slice::superseded, more);
        count(said->unmatched, &Slice::unmatched, more);
        count(said->filtered, &Slice::filtered, more);
    }
    without_effect_ = std::move(of);
}

WithoutEffect Batch::without_effect_in_all(const std::vector<WithoutEffect>& each) const {
    constexpr std::array lists{&WithoutEffect::superseded, &WithoutEffect::unmatched,
                               &WithoutEffect::filtered};
    WithoutEffect all;
    bool any = false;
    for (const WithoutEffect& none : each) {
        all.rows += none.rows;
        for (const auto list : lists) any = any || !(none.*list).empty();
    }
    std::vector<bool> has_effect(any ? records.size() : 0);
    for (std::size_t target = 0; any && target < each.size(); ++target) {
        std::vector<bool> here(records.size());
        for (const EncodedRows* rows : {&targets[target].binary, &targets[target].text})
            for (const EncodedRows::Row& row : rows->rows) here[row.record] = true;
        for (const RecordLog::Index record : targets[target].truncations) here[record] = true;
        for (const auto list : lists)
            for (const RecordLog::Index record : each[target].*list) here[record] = false;
        for (std::size_t record = 0; record < here.size(); ++record)
            if (here[record]) has_effect[record] = true;
    }
    for (const WithoutEffect& none : each)
        for (const auto list : lists)
            for (const RecordLog::Index record : none.*list) {
                if (has_effect[record]) continue;
                (all.*list).push_back(record);
                has_effect[record] = true;  // told once is enough
            }
    return all;
}

std::int64_t Batch::take_out(const std::vector<bool>& gone) {
    std::vector<bool> found(gone.size());
    for (TargetRows& target : targets) {
        for (EncodedRows* const encoded : {&target.binary, &target.text}) {
            std::vector<std::size_t> rows;
            for (std::size_t row = 0; row < encoded->rows.size(); ++row) {
                const RecordLog::Index record = encoded->rows[row].record;
                if (!gone[record]) continue;
                rows.push_back(row);
                found[record] = true;
            }
            encoded->erase(rows);
        }
        std::erase_if(target.truncations, [&](RecordLog::Index record) {
            if (gone[record]) found[record] = true;
            return gone[record];
        });
    }
    sum_up_others();
    return std::ranges::count(found, true);
}

std::int64_t Batch::take_out_rejects(const std::vector<bool>& gone) {
    return static_cast<std::int64_t>(std::erase_if(rejects, [&](const Reject& reject) {
        if (!gone[reject.record]) return false;
        reject_bytes_ -= size_of(reject);
        return true;
    }));
}

void Batch::cut(PartitionId partition, Offset at) {
    set_without_effect({});  // it is offered again, and may have another one then
    Slice& its = slice(partition, at);
    std::int64_t before = 0;  // records
    std::vector<bool> out(records.size());
    const auto dropped = dropped_.find(partition);
    for (RecordLog::Index index = dropped == dropped_.end() ? 0 : dropped->second;
         index < out.size(); ++index) {
        const Record record = records.at(index);
        if (record.from->id != partition) continue;
        out[index] = record.offset >= at;
        if (out[index]) continue;
        ++before;
        its.last = identify(record);
    }
    its.rejected -= take_out_rejects(out);
    its.loaded -= take_out(out);
    its.range.to = before == 0 ? its.range.from : at;
    its.filtered = before - its.loaded - its.rejected;
    its.gaps = its.range.size() - before;
}

void Batch::drop(const std::vector<PartitionId>& partitions) {
    set_without_effect({});
    const auto is_one = [&](PartitionId each) {
        return std::ranges::binary_search(partitions, each);
    };
    std::vector<bool> out(records.size());
    for (RecordLog::Index index = 0; index < out.size(); ++index)
        out[index] = is_one(records.from(index)->id);
    take_out_rejects(out);
    take_out(out);
    for (const PartitionId partition : partitions) {
        dropped_[partition] = static_cast<RecordLog::Index>(records.size());
        if (const auto at = static_cast<std::size_t>(partition); at < slice_of_partition_.size())
            slice_of_partition_[at] = -1;
    }
    std::erase_if(slices_, [&](const Slice& slice) { return is_one(slice.partition); });
    for (std::size_t at = 0; at < slices_.size(); ++at)
        slice_of_partition_[static_cast<std::size_t>(slices_[at].partition)] =
            static_cast<std::int32_t>(at);
}

std::vector<PartitionId> Batch::partitions_of(std::size_t target) const {
    std::set<PartitionId> partitions;
    for (const EncodedRows* rows : {&targets[target].binary, &targets[target].text})
        for (const EncodedRows::Row& row : rows->rows)
            partitions.insert(records.from(row.record)->id);
    for (const RecordLog::Index record : targets[target].truncations)
        partitions.insert(records.from(record)->id);
    return {partitions.begin(), partitions.end()};
}

std::size_t Batch::row_count() const {
    std::size_t count = 0;
    for (const TargetRows& target : targets) count += target.size();
    return count;
}

std::size_t Batch::change_count() const {
    std::size_t count = row_count();
    for (const TargetRows& target : targets) count += target.truncations.size();
    return count;
}

bool Batch::has_changes() const {
    return std::ranges::any_of(targets, [](const TargetRows& target) { return !target.empty(); });
}

TargetRows& Batch::use(std::size_t target) {
    if (target == used_) return targets[target];
    if (target >= targets.size()) targets.resize(target + 1);
    other_bytes_ += targets[used_].bytes();
    other_bytes_ -= targets[target].bytes();
    used_ = target;
    return targets[target];
}

void Batch::sum_up_others() {
    other_bytes_ = 0;
    for (std::size_t target = 0; target < targets.size(); ++target)
        if (target != used_) other_bytes_ += targets[target].bytes();
}

std::size_t Batch::bytes() const {
    return records.bytes() + reject_bytes_ + other_bytes_ + targets[used_].bytes();
}

void Batch::clear() {
    // What hundreds of targets once held in one batch is more than a batch may hold.
    if (targets.size() > 1) targets = std::vector<TargetRows>(1);
    used_ = other_bytes_ = 0;
    for (TargetRows& target : targets) target.clear();
    records.clear();
    dropped_.clear();
    rejects.clear();
    without_effect_ = {};
    reject_bytes_ = 0;
    for (const Slice& open : slices_) {
        slice_of_partition_[static_cast<std::size_t>(open.partition)] = -1;
    }
    slices_.clear();
}

}  // namespace sluice
