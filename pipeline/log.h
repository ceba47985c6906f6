#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

enum class LogLevel { debug, info, warn, error };

/// Writes one event to the process's log, as one line. `about` is what it is about: a pipeline
/// ("orders"), a lane ("orders/0"), a partition (about_partition()) or "sluice", the process; JSON
/// logs have pipeline, lane and partition as fields of their own. Warnings and errors that come
/// again and again are written a few times a minute and then counted (log_limiter.h); the process's
/// own never come so often. From any thread. A function rather than spdlog's header, which costs
/// every file that includes it seconds to compile.
void log(LogLevel level, std::string_view about, std::string_view text);

/// "orders[3]"
[[nodiscard]] std::string about_partition(std::string_view pipeline, std::int32_t partition);

}  // namespace sluice
