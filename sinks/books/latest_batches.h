#pragma once

#include "pipeline/record.h"
#include "sinks/session/session.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice {

/// A row of the ledger, for people who look.
struct LatestBatch {
    std::chrono::system_clock::time_point at;
    std::string topic;
    PartitionNumber partition = 0;
    Offset from = 0;
    Offset to = 0;
    std::int64_t loaded = 0;
    std::int64_t rejected = 0;
    std::int64_t left_out = 0;  ///< filtered, superseded, unmatched, and offsets without a record
    std::string kind;           ///< "batch", "folded", …
    std::string writer;
    std::string revision;
};

/// A pipeline's, the latest first; an index has them in this order. Throws DatabaseError.
[[nodiscard]] std::vector<LatestBatch> latest_batches(Session& session, const std::string& schema,
                                                      const std::string& pipeline,
                                                      std::int64_t limit);

}  // namespace sluice
