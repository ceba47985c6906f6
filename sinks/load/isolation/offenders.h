#pragma once

#include "sinks/load/isolation/queried_rows.h"
#include "sinks/load/isolation/table_shape.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// A row that breaks a constraint of its table.
struct Offender {
    std::size_t row = 0;
    Reason reason;
    /// The row of the same rows that has the unique key first: if that one is not loaded for some
    /// other reason, this one is none.
    std::optional<std::size_t> duplicate_of;
};

using Constraints = std::vector<const TableConstraint*>;

/// A query that tells which rows of `from`, which stands behind FROM, break CHECKs: their number,
/// and what complaint_of() makes a reason of.
[[nodiscard]] std::string broken_checks(const Constraints& checks, const std::string& number,
                                        const std::string& from);
[[nodiscard]] const std::string& complaint_of(const Constraints& checks, const Rows& broken,
                                              std::size_t row);

// Each adds the rows that it finds. Those that ask the database throw DatabaseError.

void find_broken_checks(QueriedRows& rows, const Constraints& checks, std::vector<Offender>& found);
/// Those that refer to nothing.
void find_orphans(QueriedRows& rows, const TableConstraint& reference,
                  std::vector<Offender>& found);
/// Those whose key a row of the table has.
void find_duplicates_of_older(QueriedRows& rows, const TableConstraint& key,
                              const std::string& table, std::vector<Offender>& found);
/// Those whose key a row before them has that is not among the found. `columns`: the key's, by
/// their index in the rows, ascending.
void find_duplicates(const RowRange& range, const TableConstraint& key,
                     const std::vector<std::size_t>& columns, std::vector<Offender>& found);

}  // namespace sluice
