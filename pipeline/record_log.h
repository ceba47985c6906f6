#pragma once

#include "pipeline/record.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace sluice {

/// Whole copies of records, packed into blocks that never move: a batch can dead-letter any of its
/// records without asking Kafka again, and decoders read from here, with padding behind each value.
class RecordLog {
public:
    /// Readable bytes behind every value (simdjson asks for 32, 64 covers its wider kernels).
    static constexpr std::size_t padding = 64;
    using Index = std::uint32_t;

    /// Copies key, value and headers. The index counts up from 0.
    Index append(const Record& record);
    /// Undoes the latest append().
    void take_back();
    /// Views into this log, valid until clear(). `headers` is backed by scratch that the next call
    /// of at() reuses.
    [[nodiscard]] Record at(Index index) const;
    [[nodiscard]] const TopicPartition* from(Index index) const { return entries_[index].from; }
    [[nodiscard]] std::int64_t timestamp_ms(Index index) const {
        return entries_[index].timestamp_ms;
    }
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    /// Keeps one block for the next round.
    void clear();

private:
    struct Entry {
        const char* data;  // key, value, then headers packed as (name size, value size, bytes…)
        Offset offset;
        std::int64_t timestamp_ms;
        const TopicPartition* from;
        std::int32_t key_size;    // -1: NULL
        std::int32_t value_size;  // -1: NULL
        std::int32_t header_count;
    };
    struct Block {
        std::unique_ptr<char[]> data;
        std::size_t capacity = 0;
    };

    char* reserve(std::size_t size);

    std::vector<Entry> entries_;
    std::vector<Block> blocks_;
    std::size_t used_ = 0;  // of blocks_.back()
    std::size_t bytes_ = 0;
    mutable std::vector<Header> header_scratch_;
};

}  // namespace sluice
