#include "pipeline/mapping/targets.h"

#include "pipeline/mapping/target.h"

#include <algorithm>
#include <tuple>

namespace sluice {
namespace {

/// What of a table decides how rows for it are made, how they get there, and whether it still is
/// what they were made for: a loader looks at all columns for that, mapped or not.
std::string looks_of(const Targets::Target& target) {
    std::string text = describe_target(target.ingest, target.table);
    const auto add = [&](const std::vector<std::string>& columns) {
        for (const std::string& column : columns) text += "\n" + column;
        text += ";";
    };
    for (const Column& column : target.table.columns)
        text += "\n" + column.name + " " + column.type_name;
    text += target.table.session_is_utc ? ";utc;" : ";";
    text += std::to_string(target.table.references) + ";";
    add(target.table.primary_key);
    for (const Index& index : target.table.indexes) {
        add(index.columns);
        text += index.unique ? "unique" : "";
        text += index.plain ? "plain" : "";
    }
    return text;
}

}  // namespace

void Targets::Target::sign(std::span<Reason> reasons) const {
    if (!place) return;
    for (Reason& reason : reasons) reason.text = "into " + name() + ": " + reason.text;
}

void Targets::set(const std::string& topic, std::vector<Target> targets) {
    const std::lock_guard lock{mutex_};
    ++version_;
    std::vector<TargetId> ids;
    for (Target& target : targets) ids.push_back(id_of(std::move(target)));
    by_topic_[topic] = std::move(ids);
}

/// The caller holds the mutex.
TargetId Targets::id_of(Target target) {
    const std::string looks = looks_of(target);
    for (TargetId id = 0; id < targets_.size(); ++id)
        if (targets_[id]->place == target.place &&
            targets_[id]->table.schema == target.table.schema &&
            targets_[id]->table.name == target.table.name && looks_of(*targets_[id]) == looks)
            return id;
    targets_.push_back(std::make_unique<const Target>(std::move(target)));
    return targets_.size() - 1;
}

std::vector<TargetId> Targets::of_topic(const std::string& topic) const {
    const std::lock_guard lock{mutex_};
    const auto found = by_topic_.find(topic);
    if (found == by_topic_.end()) return {};
    return found->second;
}

std::vector<TargetId> Targets::filled_by(const Batch& batch) const {
    std::vector<TargetId> filled;
    for (TargetId target = 0; target < batch.targets.size(); ++target)
        if (!batch.targets[target].empty()) filled.push_back(target);
    // What others refer to comes first.
    const auto order = [&](TargetId target) {
        const Table& table = (*this)[target].table;
        return std::tie(table.references, table.schema, table.name);
    };
    std::ranges::stable_sort(filled, {}, order);
    return filled;
}

const Targets::Target& Targets::operator[](TargetId id) const {
    const std::lock_guard lock{mutex_};
    return *targets_[id];
}

}  // namespace sluice
