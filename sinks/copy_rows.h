#pragma once

#include "pipeline/batch.h"
#include "pipeline/row_mapper.h"
#include "sinks/session.h"

#include <cstddef>
#include <string>
#include <vector>

namespace sluice {

/// COPY … FROM STDIN into one table, in one of its forms.
struct CopyStatement {
    std::string sql;
    CopyForm form = CopyForm::binary;
};

[[nodiscard]] CopyStatement copy_statement(const std::string& qualified_table,
                                           const std::vector<std::string>& columns, CopyForm form);

/// Sends rows [begin, end) straight from where they were encoded. Between await_copy() and
/// end_copy().
void put_rows(Session& session, CopyForm form, const EncodedRows& rows, std::size_t begin,
              std::size_t end);

/// What COPY's binary form has before its first row and behind its last one.
[[nodiscard]] std::string_view copy_header();
[[nodiscard]] std::string_view copy_trailer();

}  // namespace sluice
