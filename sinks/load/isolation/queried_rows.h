#pragma once

#include "sinks/copy/copy_rows.h"
#include "sinks/load/isolation/sql_types.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice {

/// Rows were to be looked at, and what they were sent to does not take them: mostly for a value
/// that its column's type does not read.
class NotStaged : public DatabaseError {
public:
    explicit NotStaged(const DatabaseError& error) : DatabaseError(error) {}
};

/// Columns of a batch's rows where statements see them before their own table has got them, each
/// row with a number. Used inside a transaction.
class QueriedRows {
public:
    virtual ~QueriedRows() = default;

    /// Which columns, by their index in the rows, statements see from now on, of these types.
    /// False: it has no values of one of them as COPY makes them.
    [[nodiscard]] virtual bool choose(std::vector<std::size_t> taken, const SqlTypes& types) = 0;
    /// As many of these rows as one statement should get; the end of them. Throws NotStaged.
    [[nodiscard]] virtual std::size_t take(const RowRange& range) = 0;

    /// Of the latest take, for FROM of a statement that exec() runs.
    [[nodiscard]] virtual std::string rows_as(const std::string& alias) const = 0;
    /// Quoted name of the column that counts the rows.
    [[nodiscard]] virtual const std::string& number() const = 0;
    [[nodiscard]] virtual std::size_t row_of(std::int64_t number) const = 0;
    /// Throws DatabaseError.
    [[nodiscard]] virtual Rows exec(const std::string& sql) = 0;
};

}  // namespace sluice
