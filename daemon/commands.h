#pragma once

#include "config/config.h"
#include "daemon/command_line.h"

/// One function per command; each returns the process's exit code.
namespace sluice {

int run_daemon(const config::Config& config);
int print_schema(const config::Config& config);
int check_configuration(const config::Config& config, const CommandLine& line);
int verify_pipelines(const config::Config& config, const CommandLine& line);

}  // namespace sluice
