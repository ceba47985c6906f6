#include "sinks/load/target_loaders.h"

#include <map>
#include <utility>

namespace sluice {

Loader& TargetLoaders::at(TargetId target) {
    {
        const std::lock_guard lock{mutex_};
        if (target >= loaders_.size()) loaders_.resize(target + 1);
        if (loaders_[target]) return *loaders_[target];
    }
    std::unique_ptr<Loader> made = make_(target)(session_);
    const std::lock_guard lock{mutex_};
    loaders_[target] = std::move(made);
    return *loaders_[target];
}

const Loader* TargetLoaders::find(TargetId target) const {
    const std::lock_guard lock{mutex_};
    return target < loaders_.size() ? loaders_[target].get() : nullptr;
}

std::unique_ptr<PreparedLoads> TargetLoaders::prepare(const Batch& batch) const {
    std::map<TargetId, std::unique_ptr<PreparedRows>> prepared;
    for (TargetId target = 0; target < batch.targets.size(); ++target) {
        const TargetRows& rows = batch.targets[target];
        const Loader* const loader = rows.empty() ? nullptr : find(target);
        if (loader == nullptr) continue;
        if (auto of_target = loader->prepare(rows)) prepared[target] = std::move(of_target);
    }
    return std::make_unique<PreparedLoads>(std::move(prepared));
}

}  // namespace sluice
