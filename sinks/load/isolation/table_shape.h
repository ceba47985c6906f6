#pragma once

#include "sinks/load/isolation/row_triggers.h"
#include "sinks/load/isolation/sql_types.h"
#include "sinks/session/session.h"

#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// A constraint that queries about rows can tell the offenders of.
struct TableConstraint {
    enum class Kind { check, unique, reference };
    Kind kind = Kind::check;
    std::string name;                  ///< empty: that some partition takes the row
    std::string text;                  ///< a CHECK's condition; the table that is referred to
    std::vector<std::string> columns;  ///< that it is about; of a key: the key
    std::vector<std::string> keys;     ///< that the columns refer to, one each
    bool is_volatile = false;          ///< a CHECK that calls something that is
    std::string complaint;             ///< of a row that breaks a CHECK, as the database has it
    bool operator==(const TableConstraint&) const = default;
};

/// What of a table decides which rows it takes.
struct TableShape {
    std::vector<TableConstraint> constraints;  ///< those about these columns alone, by name
    SqlTypes types;                            ///< of these columns
    std::optional<RowTriggers> triggers;       ///< where asked for
    bool operator==(const TableShape&) const = default;
};

/// What rows were refused for may be no reason any more: the batch has to be tried again.
[[nodiscard]] inline DatabaseError table_has_changed() {
    return DatabaseError({"40001", "the table's constraints have just changed", {}});
}

enum class Triggers { leave, read };

/// `table`: qualified, quoted. `columns`: of the rows that it gets.
[[nodiscard]] TableShape read_shape(Session& session, const std::string& table,
                                    const std::vector<std::string>& columns, Triggers triggers);

}  // namespace sluice
