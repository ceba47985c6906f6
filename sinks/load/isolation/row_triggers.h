#pragma once

#include "sinks/session/session.h"

#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// A trigger that looks at each row of an INSERT.
struct RowTrigger {
    std::string condition;  ///< WHEN (…), or empty
    std::string arguments;  ///< ('…', …)
    std::string source;     ///< of its function, in PL/pgSQL
    bool operator==(const RowTrigger&) const = default;
};

/// The row triggers of a table, all of which can be tried apart from it: copies of their functions
/// do the same with rows of another table that has the columns which they name.
struct RowTriggers {
    std::vector<RowTrigger> in_order;      ///< as they are called
    std::vector<std::string> columns;      ///< of the rows, those that they name
    std::vector<std::string> definitions;  ///< of those that they name and rows lack
    bool operator==(const RowTriggers&) const = default;
};

/// `table`: qualified, quoted. `columns`: of the rows that it gets. nullopt: it has none, or one
/// that cannot be tried elsewhere, since it is not in PL/pgSQL, has settings or rights of its own,
/// asks which table it is called for, or takes the row as a whole; or the table has parts.
[[nodiscard]] std::optional<RowTriggers> read_row_triggers(Session& session,
                                                           const std::string& table,
                                                           const std::vector<std::string>& columns);

}  // namespace sluice
