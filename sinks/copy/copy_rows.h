#pragma once

#include "pipeline/batch.h"
#include "pipeline/mapping/row_mapper.h"
#include "pipeline/table.h"
#include "sinks/session/session.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// COPY … FROM STDIN into one table, in one of its forms.
struct CopyStatement {
    std::string table;                 ///< qualified, quoted
    std::string relation;              ///< its name alone, as errors have it
    std::vector<std::string> columns;  ///< in the order of the rows' fields
    std::string sql;
    CopyForm form = CopyForm::binary;
};

[[nodiscard]] CopyStatement copy_statement(const Table& table, std::vector<std::string> columns,
                                           CopyForm form);

/// Sends rows [begin, end) straight from where they were encoded. Between await_copy() and
/// end_copy().
void put_rows(Session& session, const EncodedRows& rows, std::size_t begin, std::size_t end);

/// What follows the statement, when the session has got it and those before it are done.
void feed_copy(Session& session, const CopyStatement& statement, const EncodedRows& rows);
/// The whole of it, from the statement to its end.
void copy_whole(Session& session, const CopyStatement& statement, const EncodedRows& rows);

/// What COPY gets for a row, by its index, instead of its bytes; nullopt: nothing.
using RowChanges = std::map<std::size_t, std::optional<std::string>>;

/// The rows [begin, end) of these, as `changes` leave them. Only looks at what it is about.
struct RowRange {
    const EncodedRows& rows;
    CopyForm form = CopyForm::binary;
    std::size_t begin = 0;
    std::size_t end = 0;
    const RowChanges& changes;

    /// Calls `visit(index, bytes)` for what is left of them.
    template <typename Visit>
    void for_each(Visit visit) const {
        auto change = changes.lower_bound(begin);
        for (std::size_t row = begin; row < end; ++row) {
            if (change != changes.end() && change->first == row) {
                if (change->second) visit(row, std::string_view(*change->second));
                ++change;
                continue;
            }
            visit(row, rows.bytes_of(row));
        }
    }
};

/// One row's bytes with NULL in a column, by its index; nullopt: it is NULL already.
[[nodiscard]] std::optional<std::string> with_null(std::string_view row, CopyForm form,
                                                   std::size_t column);

/// Goes from one field of a row to the next.
class FieldWalker {
public:
    FieldWalker(std::string_view row, CopyForm form);
    /// The next field: in the binary form with its length, in the text form without the tabs around
    /// it. Valid as long as the row.
    [[nodiscard]] std::string_view next();

private:
    std::string_view rest_;
    CopyForm form_;
};

/// Of a field that a FieldWalker gave.
[[nodiscard]] bool is_null(std::string_view field, CopyForm form);

/// What COPY's binary form has before its first row and behind its last one.
[[nodiscard]] std::string_view copy_header();
[[nodiscard]] std::string_view copy_trailer();

}  // namespace sluice
