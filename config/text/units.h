#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Sizes, durations and times as the configuration writes them.
namespace sluice::config {

/// "16MiB", "10MB", "512KiB", "100B" or "4096" (bytes); whole numbers only.
[[nodiscard]] std::optional<std::size_t> parse_size(std::string_view text);

/// "500ms", "2s", "5m", "1h" or "30d"; the unit is required.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// An RFC 3339 time with its offset from UTC, in milliseconds since 1970 UTC (digits beyond
/// milliseconds are cut off): "2026-01-31T12:00:00Z", "2026-01-31 13:00:00.5+01:00".
[[nodiscard]] std::optional<std::int64_t> parse_time(std::string_view text);

/// As parse_time() reads it, in UTC: "2026-01-31T12:00:00.000Z"; outside of the years 0 to 9999 the
/// number itself.
[[nodiscard]] std::string format_time(std::int64_t milliseconds);

/// In the largest unit that keeps it whole: "16MiB", "1000000B".
[[nodiscard]] std::string format_size(std::size_t bytes);
[[nodiscard]] std::string format_duration(std::chrono::milliseconds duration);

}  // namespace sluice::config
