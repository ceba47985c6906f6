#pragma once

#include "config/condition/condition.h"
#include "daemon/commands/command_line.h"

#include <optional>
#include <vector>

namespace sluice {

/// What --where says of these fields. Throws WrongConfiguration where that is no condition.
[[nodiscard]] std::optional<config::Condition> where_of(const CommandLine& line,
                                                        const std::vector<config::Field>& fields);

}  // namespace sluice
