#pragma once

#include "config/config.h"
#include "pipeline/batch.h"
#include "pipeline/table.h"

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice {

/// Of a target, by which batches and sinks know it: counts up from 0 and means the same for as long
/// as its pipeline runs. A table that was altered is another target.
using TargetId = std::size_t;

/// The tables that one pipeline fills, topic by topic. Only grows. From any thread.
class Targets {
public:
    /// A table, and the pipeline as it is for its topic: config::targets_of_topic().
    struct Target {
        config::Ingest ingest;
        Table table;
        /// Its place among the topic's several; nullopt: it is the only one.
        std::optional<std::size_t> place{};

        /// "public.orders", for people.
        [[nodiscard]] std::string name() const { return table.schema + "." + table.name; }
        /// Of several, says in what follows in `reasons` which one they are about.
        void sign(std::span<Reason> reasons) const;
    };

    /// From here on the topic's records go to these: one, or several that each have a place. Topics
    /// may share a table that they see alike.
    void set(const std::string& topic, std::vector<Target> targets);
    /// Empty: nobody has looked for them yet.
    [[nodiscard]] std::vector<TargetId> of_topic(const std::string& topic) const;
    /// Those that the batch says something of, in an order that is the same for all who load: two
    /// that wait for each other's tables would be a circle.
    [[nodiscard]] std::vector<TargetId> filled_by(const Batch& batch) const;
    /// Grows with each set(): what of_topic() said before may be otherwise now.
    [[nodiscard]] std::size_t version() const { return version_; }
    /// Of a target that there is; constant, and stays where it is.
    [[nodiscard]] const Target& operator[](TargetId id) const;

private:
    TargetId id_of(Target target);

    std::atomic<std::size_t> version_ = 0;
    mutable std::mutex mutex_;  // guards what follows
    std::vector<std::unique_ptr<const Target>> targets_;
    std::map<std::string, std::vector<TargetId>> by_topic_;
};

}  // namespace sluice
