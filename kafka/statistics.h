#pragma once

#include "pipeline/ingest/group_statistics.h"

#include <string>
#include <string_view>

namespace sluice::kafka {

/// What matters of librdkafka's statistics (its STATISTICS.md) for a consumer of this topic; what
/// is missing in them, or is no JSON, is left out.
[[nodiscard]] GroupStatistics parse_statistics(std::string_view json, const std::string& topic);

}  // namespace sluice::kafka
