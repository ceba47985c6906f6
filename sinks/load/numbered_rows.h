#pragma once

#include "pipeline/batch.h"
#include "pipeline/mapping/row_mapper.h"
#include "sinks/session/session.h"

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace sluice {

/// Rows in the form of COPY into a temporary table whose first column is their number.
struct NumberedRows {
    EncodedRows binary;
    EncodedRows text;
    std::vector<std::size_t> binary_numbers;  ///< by row
    std::vector<std::size_t> text_numbers;

    /// `row`: as it was encoded in this form. `bytes`: of bytea columns that stand between the
    /// number and the row.
    void append(CopyForm form, std::size_t number, RecordLog::Index record, std::string_view row,
                std::span<const std::string_view> bytes = {});
};

/// What a statement tells of them, in its first column.
[[nodiscard]] std::vector<std::size_t> numbers_in(const Rows& rows);

}  // namespace sluice
