#pragma once

#include "sinks/copy/copy_rows.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice {

/// Columns of a batch's rows as parameters of a statement, an array each: for what is asked of rows
/// without a table. An MPP database then asks its coordinator, and no segment. Takes rows in COPY's
/// binary form only, whose fields are elements of an array as they are.
class RowArrays {
public:
    /// `target`: qualified, quoted. `columns`: of the rows, in their order.
    RowArrays(Session& session, std::string target, std::vector<std::string> columns);

    /// Which columns, by their index in the rows, statements see from now on, of the types that the
    /// target's have now. False: no array has values of one of these types as COPY makes them.
    [[nodiscard]] bool choose(std::vector<std::size_t> taken);
    /// As many of the rows [begin, end), as `changes` leave them, as one statement should get; the
    /// end of these.
    [[nodiscard]] std::size_t take(const EncodedRows& rows, std::size_t begin, std::size_t end,
                                   const RowChanges& changes);

    /// Of the latest take, for FROM of a statement that exec() runs.
    [[nodiscard]] std::string rows_as(const std::string& alias) const;
    /// Quoted name of the column that counts the rows.
    [[nodiscard]] const std::string& number() const { return number_; }
    [[nodiscard]] std::size_t row_of(std::int64_t number) const {
        return rows_.at(static_cast<std::size_t>(number));
    }
    /// Throws DatabaseError, also for a value that its column's type does not read.
    [[nodiscard]] Rows exec(const std::string& sql);

private:
    struct Taken {
        std::size_t index = 0;
        std::int64_t type = 0;   ///< its oid
        std::string array_type;  ///< SQL
        std::string made_of;     ///< what SQL makes of an element: a cast, a collation
        std::string array{};     ///< of the latest take
    };

    Session& session_;
    const std::string target_;
    const std::vector<std::string> columns_;
    const std::string number_;
    std::vector<Taken> taken_;       ///< in the order of the rows
    std::vector<std::size_t> rows_;  ///< index of each of the latest take
};

}  // namespace sluice
