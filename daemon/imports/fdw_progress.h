#pragma once

#include "config/config.h"
#include "daemon/commands/command_line.h"
#include "daemon/imports/fdw_translation.h"

#include <string>
#include <vector>

namespace sluice {

/// Anchors the pipelines of `config` where the import functions of these foreign tables (in the
/// database of `dsn`) would go on, and prints what it did. Progress that is there already is never
/// changed. While it works no import can run. Returns the exit code: found_something_wrong when a
/// partition could not be taken over as it stands.
int take_over_progress(const config::Config& config, const std::string& dsn,
                       const std::vector<FdwSource>& sources, CommandLine::Output output);

}  // namespace sluice
