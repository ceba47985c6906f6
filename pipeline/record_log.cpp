#include "pipeline/record_log.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

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

inline char* RecordLog::reserve(std::size_t size) {
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
    // In place: what is copied as soon as it is written waits for its own bytes.
    const auto take = [&from](std::int32_t size, std::optional<std::string_view>& to) {
        if (size < 0) return;
        to.emplace(from, static_cast<std::size_t>(size));
        from += size;
    };
    take(entry.key_size, record.key);
    take(entry.value_size, record.value);
    if (entry.header_count == 0) return record;

    header_scratch_.clear();
    for (std::int32_t i = 0; i < entry.header_count; ++i) {
        PackedHeader packed;
        std::memcpy(&packed, from, sizeof packed);
        from += sizeof packed;
        const std::string_view name(from, static_cast<std::size_t>(packed.name_size));
        from += packed.name_size;
        take(packed.value_size, header_scratch_.emplace_back(Header{name, {}}).value);
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

}  // namespace sluice
