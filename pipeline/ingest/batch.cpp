#include "pipeline/ingest/batch.h"

#include <zlib.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <iterator>

namespace sluice {

namespace {

constexpr std::size_t first_block = 64u << 10;
constexpr std::size_t largest_block = 1u << 20;

struct PackedHeader {
    std::int32_t name_size;
    std::int32_t value_size;  // -1: NULL
};

std::size_t packed_size(const Header& header) {
    return sizeof(PackedHeader) + header.name.size() + (header.value ? header.value->size() : 0);
}

/// What a reject takes besides its record.
std::size_t size_of(const Reject& reject) {
    std::size_t size = sizeof reject;
    for (const Reason& reason : reject.reasons) {
        size += sizeof reason + reason.column.capacity() + reason.text.capacity();
    }
    return size;
}

char* put(char* to, std::string_view bytes) {
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    return to + bytes.size();
}

char* put(char* to, const Header& header) {
    const PackedHeader packed{static_cast<std::int32_t>(header.name.size()),
                              header.value ? static_cast<std::int32_t>(header.value->size()) : -1};
    std::memcpy(to, &packed, sizeof packed);
    to = put(to + sizeof packed, header.name);
    return header.value ? put(to, *header.value) : to;
}

std::uint32_t crc(std::uint32_t so_far, const std::optional<std::string_view>& bytes) {
    if (!bytes || bytes->empty()) return so_far;
    return static_cast<std::uint32_t>(
        crc32_z(so_far, reinterpret_cast<const Bytef*>(bytes->data()), bytes->size()));
}

std::int32_t size_or_null(const std::optional<std::string_view>& bytes) {
    return bytes ? static_cast<std::int32_t>(bytes->size()) : -1;
}

}  // namespace

RecordIdentity identify(const Record& record) {
    return {record.offset, record.timestamp_ms, crc(crc(0, record.key), record.value)};
}

char* RecordLog::reserve(std::size_t size) {
    if (blocks_.empty() || blocks_.back().capacity - used_ < size) {
        const std::size_t last = blocks_.empty() ? first_block / 2 : blocks_.back().capacity;
        const std::size_t capacity = std::max(std::min(last * 2, largest_block), size);
        // One padding at the block's end serves all its values: behind any other value there is
        // the next record's place.
        blocks_.push_back({std::unique_ptr<char[]>(new char[capacity + padding]), capacity});
        std::memset(blocks_.back().data.get() + capacity, 0, padding);
        used_ = 0;
    }
    char* place = blocks_.back().data.get() + used_;
    used_ += size;
    return place;
}

RecordLog::Index RecordLog::append(const Record& record) {
    std::size_t size =
        (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
    for (const Header& header : record.headers) size += packed_size(header);

    char* const data = reserve(size);
    char* to = data;
    if (record.key) to = put(to, *record.key);
    if (record.value) to = put(to, *record.value);
    for (const Header& header : record.headers) to = put(to, header);

    bytes_ += size + sizeof(Entry);
    entries_.push_back({data, record.offset, record.timestamp_ms, record.from,
                        size_or_null(record.key), size_or_null(record.value),
                        static_cast<std::int32_t>(record.headers.size())});
    return static_cast<Index>(entries_.size() - 1);
}

void RecordLog::take_back() {
    const char* const end = blocks_.back().data.get() + used_;
    const auto size = static_cast<std::size_t>(end - entries_.back().data);
    used_ -= size;
    bytes_ -= size + sizeof(Entry);
    entries_.pop_back();
}

Record RecordLog::at(Index index) const {
    const Entry& entry = entries_[index];
    Record record;
    record.from = entry.from;
    record.offset = entry.offset;
    record.timestamp_ms = entry.timestamp_ms;
    const char* from = entry.data;
    const auto take = [&from](std::int32_t size) -> std::optional<std::string_view> {
        if (size < 0) return std::nullopt;
        const std::string_view bytes(from, static_cast<std::size_t>(size));
        from += size;
        return bytes;
    };
    record.key = take(entry.key_size);
    record.value = take(entry.value_size);
    if (entry.header_count == 0) return record;

    header_scratch_.clear();
    for (std::int32_t i = 0; i < entry.header_count; ++i) {
        PackedHeader packed;
        std::memcpy(&packed, from, sizeof packed);
        from += sizeof packed;
        const std::string_view name = *take(packed.name_size);
        header_scratch_.push_back({name, take(packed.value_size)});
    }
    record.headers = header_scratch_;
    return record;
}

void RecordLog::clear() {
    entries_.clear();
    if (blocks_.size() > 1) {
        // An oversized record's block would stay for ever.
        const auto keep = std::find_if(blocks_.begin(), blocks_.end(), [](const Block& block) {
            return block.capacity <= largest_block;
        });
        if (keep != blocks_.end()) std::swap(*blocks_.begin(), *keep);
        blocks_.resize(1);
    }
    if (!blocks_.empty() && blocks_.front().capacity > largest_block) blocks_.clear();
    used_ = 0;
    bytes_ = 0;
}

void PackedTexts::erase(const std::vector<std::size_t>& indices) {
    PackedTexts left;
    auto next = indices.begin();
    for (std::size_t index = 0; index < ends_.size(); ++index) {
        if (next != indices.end() && *next == index)
            ++next;
        else
            left.append((*this)[index]);
    }
    *this = std::move(left);
}

void PackedTexts::clear() {
    bytes_.clear();
    ends_.clear();
}

void EncodedRows::erase(const std::vector<std::size_t>& rows_to_erase) {
    if (rows_to_erase.empty()) return;
    auto next = rows_to_erase.begin();
    std::size_t kept = *next;
    std::size_t end = begin_of(kept);
    std::size_t begin = end;
    for (std::size_t row = kept; row < rows.size(); ++row) {
        const std::size_t size = rows[row].end - begin;
        if (next != rows_to_erase.end() && *next == row) {
            ++next;
        } else {
            std::memmove(bytes.data() + end, bytes.data() + begin, size);
            end += size;
            rows[kept] = rows[row];
            rows[kept].end = end;
            ++kept;
        }
        begin += size;
    }
    assert(next == rows_to_erase.end() && "indices ascend and exist");
    rows.resize(kept);
    bytes.resize(end);
    if (!keys.empty()) keys.erase(rows_to_erase);
    if (!orders.empty()) orders.erase(rows_to_erase);
}

void EncodedRows::cut(std::size_t count) {
    bytes.resize(begin_of(count));
    rows.resize(count);
}

void EncodedRows::clear() {
    bytes.clear();
    rows.clear();
    keys.clear();
    orders.clear();
}

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
    const std::size_t rows_left = row_count() - refused.size();
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
    return row_count() < rows_left;
}

void Batch::set_without_effect(WithoutEffect of) {
    const auto count = [this](const std::vector<RecordLog::Index>& indices, std::int64_t Slice::*as,
                              int more) {
        for (const RecordLog::Index index : indices) {
            const Record record = records.at(index);
            Slice& its = slice(record.from->id, record.offset);
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
    return std::ranges::count(found, true);
}

void Batch::cut(PartitionId partition, Offset at) {
    set_without_effect({});  // it is offered again, and may have another one then
    Slice& its = slice(partition, at);
    std::int64_t before = 0;  // records
    std::vector<bool> out(records.size());
    for (RecordLog::Index index = 0; index < out.size(); ++index) {
        const Record record = records.at(index);
        if (record.from->id != partition) continue;
        out[index] = record.offset >= at;
        if (out[index]) continue;
        ++before;
        its.last = identify(record);
    }
    its.rejected -= static_cast<std::int64_t>(std::erase_if(rejects, [&](const Reject& reject) {
        if (!out[reject.record]) return false;
        reject_bytes_ -= size_of(reject);
        return true;
    }));
    its.loaded -= take_out(out);
    its.range.to = before == 0 ? its.range.from : at;
    its.filtered = before - its.loaded - its.rejected;
    its.gaps = its.range.size() - before;
}

std::size_t Batch::row_count() const {
    std::size_t count = 0;
    for (const TargetRows& target : targets) count += target.size();
    return count;
}

bool Batch::has_changes() const {
    return std::ranges::any_of(targets, [](const TargetRows& target) {
        return target.size() > 0 || !target.truncations.empty();
    });
}

std::size_t Batch::bytes() const {
    std::size_t bytes = records.bytes() + reject_bytes_;
    for (const TargetRows& target : targets) {
        bytes += target.binary.bytes.size() + target.text.bytes.size() +
                 target.size() * sizeof(EncodedRows::Row);
        for (const EncodedRows* rows : {&target.binary, &target.text})
            bytes += rows->keys.bytes() + rows->orders.bytes();
    }
    return bytes;
}

void Batch::clear() {
    for (TargetRows& target : targets) {
        target.binary.clear();
        target.text.clear();
        target.kept.resize(1);
        target.truncations.clear();
    }
    records.clear();
    rejects.clear();
    without_effect_ = {};
    reject_bytes_ = 0;
    for (const Slice& open : slices_) {
        slice_of_partition_[static_cast<std::size_t>(open.partition)] = -1;
    }
    slices_.clear();
}

}  // namespace sluice
