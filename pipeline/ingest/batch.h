#pragma once

#include "pipeline/change.h"
#include "pipeline/record.h"
#include "pipeline/reject.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
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

/// Short texts of any bytes, one after the other.
class PackedTexts {
public:
    void append(std::string_view text) {
        bytes_ += text;
        ends_.push_back(bytes_.size());
    }
    [[nodiscard]] std::string_view operator[](std::size_t index) const {
        const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
        return std::string_view(bytes_).substr(begin, ends_[index] - begin);
    }
    [[nodiscard]] bool empty() const { return ends_.empty(); }
    /// Of memory.
    [[nodiscard]] std::size_t bytes() const {
        return bytes_.size() + ends_.size() * sizeof(std::size_t);
    }
    /// Indices ascending.
    void erase(const std::vector<std::size_t>& indices);
    void clear();

private:
    std::string bytes_;
    std::vector<std::size_t> ends_;
};

/// Rows in the wire form of COPY, without COPY's file header and trailer, one after the other.
struct EncodedRows {
    struct Row {
        RecordLog::Index record;
        Change change = Change::upsert;  ///< upsert or remove; a table that only grows has upserts
        std::uint16_t kept = 0;          ///< index into TargetRows::kept
        std::size_t end;  ///< where the row ends in `bytes`; it begins where the one before ended
    };

    std::string bytes;
    std::vector<Row> rows;
    PackedTexts keys;    ///< of a table whose rows have a key: equal bytes are equal keys
    PackedTexts orders;  ///< where a column says which change is newer: it has the greater bytes

    [[nodiscard]] std::size_t begin_of(std::size_t row) const {
        return row == 0 ? 0 : rows[row - 1].end;
    }
    [[nodiscard]] std::string_view bytes_of(std::size_t row) const {
        const std::size_t begin = begin_of(row);
        return std::string_view(bytes).substr(begin, rows[row].end - begin);
    }
    /// Takes rows out (indices ascending), e.g. because the database refused them.
    void erase(const std::vector<std::size_t>& rows_to_erase);
    /// Leaves the first so many, of a table without a key.
    void cut(std::size_t count);
    void clear();
};

/// Rows of one target table, each in the form that fits it, both in the order of their records.
struct TargetRows {
    EncodedRows binary;  ///< COPY's binary form
    /// COPY's text form, which only the database's own parser can judge. A mapping without binary
    /// encoders for all its columns fills only this one.
    EncodedRows text;
    /// Columns, by their place in the rows, of which changes say nothing: they hold NULL in such a
    /// row, and what is stored stays. The first set is empty.
    std::vector<std::vector<bool>> kept{1};
    /// Records that say that the table is empty now, whatever was before them; ascending.
    std::vector<RecordLog::Index> truncations;

    [[nodiscard]] std::size_t size() const { return binary.rows.size() + text.rows.size(); }
};

struct Reject {
    RecordLog::Index record;
    std::vector<Reason> reasons;
    RejectCause cause = RejectCause::invalid;  ///< of the first reason
};

/// One partition's part of a batch: the progress that this batch moves, and promise 1's sum for it:
/// loaded + superseded + unmatched + rejected + filtered + gaps == range.size(). Counts records,
/// however many rows one has.
struct Slice {
    PartitionId partition = 0;
    OffsetRange range;
    std::int64_t loaded = 0;
    std::int64_t superseded = 0;  ///< by a newer change of the same key, in the batch or before
    std::int64_t unmatched = 0;   ///< updates of keys that are not there
    std::int64_t rejected = 0;
    std::int64_t filtered = 0;
    std::int64_t gaps = 0;  ///< compaction, transaction markers, aborted transactions
    RecordIdentity last{};  ///< of the last record in the range, or carried over from before it
    int incarnation = 0;  ///< of the topic, as the lane's start said: progress must still be of it

    /// Whether this batch moves the partition's progress.
    [[nodiscard]] bool moves() const { return range.size() > 0; }
};

/// Records whose rows are read and leave no trace in their table.
struct WithoutEffect {
    std::vector<RecordLog::Index> superseded;
    std::vector<RecordLog::Index> unmatched;
    std::vector<RecordLog::Index> filtered{};  ///< by the database: all of their rows
    std::size_t rows = 0;                      ///< of these, and of others
};

/// What one transaction writes: rows, rejects, and the progress over exactly those. Filled by a
/// lane, consumed by its sink, used by one thread at a time.
class Batch {
public:
    std::vector<TargetRows> targets{1};  ///< by target table
    RecordLog records;
    std::vector<Reject> rejects;  ///< filled by reject()

    /// The slice of a partition, opened at `from` when the batch has none yet.
    Slice& slice(PartitionId partition, Offset from);
    [[nodiscard]] const std::vector<Slice>& slices() const { return slices_; }

    void reject(RecordLog::Index record, std::vector<Reason> reasons,
                RejectCause cause = RejectCause::invalid);
    /// Undoes the latest reject(), and hands out its reasons.
    std::vector<Reason> take_back_reject();
    /// Turns loaded records into rejects, of which the database refused rows, and takes out all of
    /// their rows. A record that is there several times is one reject with all the reasons. Returns
    /// whether there were rows among these that the database has not refused.
    bool refuse(std::vector<Reject> refused);

    /// Says of loaded records that they had no effect, instead of what was said before.
    void set_without_effect(WithoutEffect records);

    /// Takes a partition's records from this offset on out again, with their rows. A slice without
    /// a record before it moves no progress any more.
    void cut(PartitionId partition, Offset at);

    [[nodiscard]] bool empty() const { return slices_.empty(); }
    [[nodiscard]] std::size_t row_count() const;
    /// Whether it says anything of a table.
    [[nodiscard]] bool has_changes() const;
    /// Without those that had no effect.
    [[nodiscard]] std::size_t effective_rows() const { return row_count() - without_effect_.rows; }
    /// What this batch holds in memory, as configured by batch.bytes.
    [[nodiscard]] std::size_t bytes() const;
    void clear();

private:
    /// Takes out all rows of these records; returns how many of them had any.
    std::int64_t take_out(const std::vector<bool>& gone);

    WithoutEffect without_effect_;
    std::size_t reject_bytes_ = 0;  // a running sum: bytes() is asked after every record
    std::vector<Slice> slices_;
    std::vector<std::int32_t> slice_of_partition_;  // index into slices_, -1: none
};

}  // namespace sluice
