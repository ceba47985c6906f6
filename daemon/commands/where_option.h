#pragma once

#include "daemon/commands/command_line.h"
#include "query/where.h"

#include <optional>
#include <vector>

namespace sluice {

/// What --where says of these fields. Throws WrongConfiguration where that is no condition.
[[nodiscard]] std::optional<query::Condition> where_of(const CommandLine& line,
                                                       const std::vector<query::Field>& fields);

}  // namespace sluice
