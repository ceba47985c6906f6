#pragma once

#include "pipeline/table.h"
#include "sinks/session/session.h"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace sluice {

/// What rows were made for. Refers to what it is made of.
struct ExpectedTable {
    const Table& table;  ///< as it was looked up
    /// Those of its columns that matter; null: all, and that there are no others.
    const std::vector<std::string>* columns = nullptr;
};
struct Drift {
    std::size_t place = 0;  ///< of the table, among those asked for
    std::string what;
};

/// Of these tables the ones whose columns, or whatever else decides what their rows look like, are
/// not what they were when it was looked up: by one statement, however many they are. In a
/// transaction that has loaded into a table, its lock keeps it as it is until the end. Throws
/// DatabaseError, where a table is gone, too.
[[nodiscard]] std::vector<Drift> drift_among(Session& session,
                                             std::span<const ExpectedTable> expected);
/// Outside of transactions: the same, and those that cannot be looked at, with what the database
/// says of each. One such table, as in a schema that this role may no longer use, fails the look at
/// all of them, and no error says whose it is: so they are asked one by one then. Throws
/// DatabaseError where it is no one table's trouble.
[[nodiscard]] std::vector<Drift> drifted_or_out_of_reach(Session& session,
                                                         std::span<const ExpectedTable> expected);
/// Throws TroubleOfTheWorld where this one is.
void refuse_drift_of(Session& session, const ExpectedTable& expected);

}  // namespace sluice
