#pragma once

#include "sinks/copy/copy_rows.h"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace sluice {

/// The rows of a load as COPY gets them now: some are left out, some have NULL for a value. The
/// rows must outlive it, and stay as they are.
class ChangedRows {
public:
    explicit ChangedRows(CopyForm form) : form_(form) {}

    /// All of them, as they are.
    void begin(const EncodedRows& rows);
    void leave_out(std::size_t row);
    /// As it was.
    void put_back(std::size_t row);
    /// False: the field is NULL already.
    [[nodiscard]] bool make_null(std::size_t row, std::size_t field);

    [[nodiscard]] const EncodedRows& rows() const { return *rows_; }
    [[nodiscard]] bool has(std::size_t row) const;
    /// Of a row that is not left out.
    [[nodiscard]] std::string_view bytes_of(std::size_t row) const;
    /// How many of [begin, end) are not left out.
    [[nodiscard]] std::size_t count(std::size_t begin, std::size_t end) const;
    /// Which one a COPY of the rows from `begin` on calls its line so many, from 1: lines count
    /// what COPY was sent.
    [[nodiscard]] std::size_t row_of_line(std::size_t begin, std::size_t line) const;
    [[nodiscard]] RowRange range(std::size_t begin, std::size_t end) const {
        return {*rows_, form_, begin, end, changes_};
    }
    /// All that COPY gets for [begin, end), between await_copy() and end_copy().
    void put(Session& session, std::size_t begin, std::size_t end) const;

private:
    const CopyForm form_;
    const EncodedRows* rows_ = nullptr;
    RowChanges changes_;
    std::map<std::size_t, std::string> left_out_;  ///< of changed rows, what they were
};

}  // namespace sluice
