#pragma once

#include "pipeline/record.h"
#include "sinks/books/tip.h"

#include <map>
#include <mutex>
#include <optional>

namespace sluice {

/// What a pipeline has read of its partitions when it resumed them, for its sinks, which need not
/// look again. It may be outdated: who inserts a row behind one has the database compare. From any
/// thread.
class TipsRead {
public:
    void note(const Tip& tip) {
        const std::lock_guard lock{mutex_};
        tips_[tip.partition] = tip;
    }
    [[nodiscard]] std::optional<Tip> of(PartitionId partition) const {
        const std::lock_guard lock{mutex_};
        const auto found = tips_.find(partition);
        if (found == tips_.end()) return std::nullopt;
        return found->second;
    }

private:
    mutable std::mutex mutex_;  // guards what follows
    std::map<PartitionId, Tip> tips_;
};

}  // namespace sluice
