#pragma once

#include "sinks/load/isolation/staged_rows.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// Loads rows inside the server and leaves out those that it refuses: a temporary table gets all of
/// them, and one statement moves them on, window after window, each in a savepoint. It knows which
/// row a window stopped at, notes it, and goes on without it. A stop costs some 50 µs there; as a
/// COPY that fails, with its messages to and fro, several times that.
///
/// Only for a table that one server holds: on an MPP database a savepoint is a message to all
/// segments, and rows have no order. One per sink, used inside its transactions. Needs the right to
/// create temporary tables, and the language PL/pgSQL.
class ServerSideLoad {
public:
    /// `columns`: of the rows, in their order.
    ServerSideLoad(Session& session, std::string qualified_table, std::vector<std::string> columns);

    struct RefusedRow {
        std::size_t row = 0;
        DatabaseError error;
    };
    /// Loads these rows; those that were refused, ascending.
    /// `window`: how many rows to try at once in the beginning. nullopt: here INSERT is not what
    /// COPY is. Throws DatabaseError for what no row is to blame for; the transaction is then where
    /// the savepoint before it left it.
    [[nodiscard]] std::optional<std::vector<RefusedRow>> load(const RowRange& range,
                                                              std::size_t window);

private:
    [[nodiscard]] bool inserts_as_copy_does();
    [[nodiscard]] std::string statement(std::size_t window) const;

    Session& session_;
    const std::string target_;
    const std::vector<std::string> columns_;
    StagedRows staged_;
    SqlTypes types_;  ///< that it was made with
};

}  // namespace sluice
