#pragma once

#include "config/config.h"

namespace sluice {

/// Sets up the process's log on standard error, as [daemon] says; again, when that has changed.
void set_up_logging(const config::Daemon& daemon);

}  // namespace sluice
