#pragma once

#include "pipeline/change.h"
#include "pipeline/record_log.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

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
    /// Leaves the first so many.
    void cut(std::size_t count);
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
    [[nodiscard]] std::size_t memory() const {
        return bytes.size() + rows.size() * sizeof(Row) + keys.bytes() + orders.bytes();
    }
    /// Takes rows out (indices ascending), e.g. because the database refused them.
    void erase(const std::vector<std::size_t>& rows_to_erase);
    /// Leaves the first so many.
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
    [[nodiscard]] bool empty() const { return size() == 0 && truncations.empty(); }

    /// How much there is, to go back to.
    struct Extent {
        std::size_t binary = 0;
        std::size_t text = 0;
        std::size_t truncations = 0;
        bool operator==(const Extent&) const = default;
    };
    [[nodiscard]] Extent extent() const {
        return {binary.rows.size(), text.rows.size(), truncations.size()};
    }
    /// Leaves what there was then.
    void cut(const Extent& extent);
    void clear();
    /// Of memory.
    [[nodiscard]] std::size_t bytes() const {
        std::size_t bytes = binary.memory() + text.memory();
        bytes += truncations.size() * sizeof(RecordLog::Index);
        // A set has as many columns as any other.
        bytes += (kept.size() - 1) * (sizeof(std::vector<bool>) + kept.back().size() / 8);
        return bytes;
    }
};

}  // namespace sluice
