#pragma once

#include "config/config.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace sluice {

/// A row of a file, as a view that the next call ends.
struct InputRow {
    std::string_view text;  ///< without its line end
    std::int64_t line = 0;  ///< where it begins, from 1
};

/// Splits a stream into lines, or into rows of CSV, whose quoted fields may hold line breaks. Holds
/// one row and a block of what follows it. One thread.
class RowReader {
public:
    enum class Form { lines, csv };
    /// A byte order mark, before the first row.
    enum class Mark { passed_over, kept };
    /// Reads up to `size` bytes; 0 is the end. What it throws passes through.
    using Read = std::function<std::size_t(char* to, std::size_t size)>;
    /// Readable bytes behind every row, as RecordLog has them.
    static constexpr std::size_t padding = 64;
    static constexpr std::size_t longest_row = 64u << 20;

    RowReader(Read read, Form form, const config::Csv& csv = {}, Mark mark = Mark::passed_over);

    /// Throws std::length_error at a row longer than longest_row: most likely a quote that does not
    /// end.
    std::optional<InputRow> next();
    [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }

private:
    void read_more();
    [[nodiscard]] bool find_end();
    [[nodiscard]] bool leave_quotes();
    [[nodiscard]] InputRow take(std::size_t end, std::size_t next);

    const Read read_;
    const Form form_;
    const config::Csv csv_;
    const Mark mark_;
    std::unique_ptr<char[]> buffer_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;  // of the row that is next
    std::size_t end_ = 0;    // of what was read
    bool at_end_ = false;    // of the stream

    std::size_t scanned_ = 0;  // no end of the row lies before this
    bool in_quotes_ = false;   // at scanned_
    std::size_t quote_ = 0;    // no quote lies from scanned_ up to this
    std::int64_t line_ = 1;
    std::int64_t breaks_ = 0;  // within the row, so far
    std::uint64_t bytes_read_ = 0;
};

}  // namespace sluice
