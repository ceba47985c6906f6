#pragma once

#include "tests/bench/benchmarks.h"
#include "tests/bench/connect.h"

#include <cstdint>
#include <string>

/// What the parts of run_peers() share.
namespace sluice::bench {

constexpr int peer_partitions = 4;

/// For the records of narrow_json(). Dates stay text, for which the database needs casts.
[[nodiscard]] Connector narrow_connector(const std::string& topic, const std::string& table);

/// What a kill -9 of each, in the middle, leaves behind. `full_bytes` is the table's size with all
/// rows of narrow_json().
void kill_peers(Stage& stage, Report& report, std::int64_t full_bytes);

}  // namespace sluice::bench
