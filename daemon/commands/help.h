#pragma once

#include "daemon/commands/command_line.h"

#include <span>
#include <string>

/// What the program says of its commands; the manual pages say the same.
namespace sluice {

/// All commands, a line each.
[[nodiscard]] std::string usage(std::span<const CommandSyntax> commands);
/// One command, with its options and examples.
[[nodiscard]] std::string help_on(const CommandSyntax& command);

/// "peek NAME|--topic T"
[[nodiscard]] std::string synopsis(const CommandSyntax& command);
/// What `--limit N` is called where it is explained.
[[nodiscard]] std::string name_with_value(const OptionSyntax& option);
/// "peek orders --from -10"
[[nodiscard]] std::string with_arguments(const CommandSyntax& command,
                                         const CommandExample& example);

}  // namespace sluice
