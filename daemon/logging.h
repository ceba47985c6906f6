#pragma once

#include "config/config.h"

namespace sluice {

/// Sets up the process's log on standard error, as [daemon] says.
void set_up_logging(const config::Daemon& daemon);

}  // namespace sluice
