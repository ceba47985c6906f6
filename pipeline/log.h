#pragma once

#include <string>
#include <string_view>

namespace sluice {

enum class LogLevel { debug, info, warn, error };

/// Writes one event to the process's log. `who` is what it is about, a pipeline ("orders"), a lane
/// ("orders/0") or "sluice", and a field of its own in JSON logs. From any thread. A function
/// rather than spdlog's header, which costs every file that includes it seconds to compile.
void log(LogLevel level, std::string_view who, std::string_view text);

}  // namespace sluice
