#pragma once

#include "config/config.h"
#include "config/text/time_zone.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::config {

/// "02:00-06:00", also across midnight; without a zone.
[[nodiscard]] std::optional<Schedule> parse_schedule(std::string_view text);

/// "02:00-06:00 Europe/Berlin"
[[nodiscard]] std::string to_string(const Schedule& schedule);

/// Whether it runs then, by the clocks of `zone`, which is the schedule's.
[[nodiscard]] bool is_within(const Schedule& schedule, const TimeZone& zone,
                             std::chrono::sys_seconds time);

}  // namespace sluice::config
