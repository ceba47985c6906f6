#pragma once

#include "config/config.h"

#include <string>
#include <string_view>

namespace sluice {

/// Sets up the process's log on standard error, as [daemon] says; again, when that has changed.
void set_up_logging(const config::Daemon& daemon);

/// An event of level info as log_format = "json" writes it, with the time that it is.
[[nodiscard]] std::string json_line(std::string_view about, std::string_view text);

}  // namespace sluice
