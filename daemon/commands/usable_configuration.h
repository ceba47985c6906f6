#pragma once

#include "config/load.h"
#include "daemon/commands/command_line.h"

#include <functional>
#include <optional>

/// The file that a command was given, as far as the command can work with it. What is in the way is
/// said on standard error.
namespace sluice {

/// nullopt where one of the file's problems matters.
[[nodiscard]] std::optional<config::Loaded> load_usable(
    const CommandLine& line, const std::function<bool(const config::Problem&)>& matters);

/// Whether all words name a pipeline of the file.
[[nodiscard]] bool knows_all(const config::Config& config, const CommandLine& line);

}  // namespace sluice
