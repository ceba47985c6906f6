#pragma once

#include "daemon/commands/command_line.h"

#include <string>

namespace sluice {

/// Asks whoever sits at the terminal whether to do this, "retry 10 dead letters"; nobody there has
/// to have said --yes before. Throws WrongConfiguration unless it is to be done.
void confirm(const CommandLine& line, const std::string& action);

}  // namespace sluice
