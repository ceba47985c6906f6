#pragma once

#include "config/config.h"
#include "pipeline/batch.h"

#include <cstdint>
#include <mutex>
#include <string>

namespace sluice {

/// Counts the rejects of one pipeline, of all its lanes, against max_rejects. It begins with the
/// process and outlives the pipeline's failures; from 0 again once it has told that there are too
/// many. From any thread.
class RejectCount {
public:
    /// How many records in a row a share is judged of, unless one batch has more.
    static constexpr std::int64_t stretch = 10'000;

    /// The batch was committed. Why there are too many now, in words; empty: there are not.
    [[nodiscard]] std::string add(const Batch& batch, const config::MaxRejects& limit);

private:
    std::mutex mutex_;  // guards what follows
    std::int64_t records_ = 0;
    std::int64_t rejected_ = 0;
};

}  // namespace sluice
