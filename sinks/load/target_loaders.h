#pragma once

#include "pipeline/ingest/ports.h"
#include "sinks/load/loader.h"
#include "sinks/session/session.h"

#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace sluice {

/// What loaders have made of a batch's rows beforehand, by target.
class PreparedLoads : public PreparedBatch {
public:
    explicit PreparedLoads(std::map<TargetId, std::unique_ptr<PreparedRows>> rows)
        : rows_(std::move(rows)) {}

    /// Null: there is nothing of this target, or it was taken.
    [[nodiscard]] std::unique_ptr<PreparedRows> take(TargetId target) {
        const auto found = rows_.find(target);
        return found == rows_.end() ? nullptr : std::move(found->second);
    }

private:
    std::map<TargetId, std::unique_ptr<PreparedRows>> rows_;
};

/// A sink's loaders, each made when its target is first needed. Used by the session's thread, save
/// prepare().
class TargetLoaders {
public:
    TargetLoaders(Session& session, MakeLoaderOf make)
        : session_(session), make_(std::move(make)) {}

    /// Valid as long as this.
    [[nodiscard]] Loader& at(TargetId target);
    /// From any thread, also while loaders are used: of targets that have one by now.
    [[nodiscard]] std::unique_ptr<PreparedLoads> prepare(const Batch& batch) const;

private:
    [[nodiscard]] const Loader* find(TargetId target) const;

    Session& session_;
    const MakeLoaderOf make_;
    mutable std::mutex mutex_;  // guards what follows, not what it points to
    std::vector<std::unique_ptr<Loader>> loaders_;
};

}  // namespace sluice
