#pragma once

#include "config/config.h"
#include "pipeline/record.h"
#include "sinks/session/session.h"

#include <librdkafka/rdkafka.h>

#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// What is waited for in one partition: progress at `until`, or beyond.
struct ProgressGoal {
    std::string topic;
    PartitionNumber partition = 0;
    Offset until = 0;
    Offset end = 0;              ///< of the topic, as it was known last
    std::optional<Offset> next;  ///< progress as it was read last; nullopt: there is none yet

    /// Progress beyond the end is that of a topic that is no more: it says nothing of this one.
    [[nodiscard]] bool beyond() const { return next && *next > end; }
    [[nodiscard]] bool reached() const { return next ? *next >= until && !beyond() : until == 0; }
};

/// An ingest pipeline's progress, held against goals in its topics: whoever makes it, this daemon
/// or another. Used by one thread; `client` outlives it.
class ProgressGoals {
public:
    /// Asks the client for the cluster's id. Throws TroubleOfTheWorld.
    ProgressGoals(const config::Config& config, const config::Ingest& ingest, rd_kafka_t& client);

    /// Waits for the end that each partition has now, of each topic that there is. Throws
    /// TroubleOfTheWorld.
    void aim_at_ends();
    /// Waits for this offset, and all before it, in a partition that there is. Throws
    /// TroubleOfTheWorld.
    void aim_at(const std::string& topic, PartitionNumber partition, Offset offset);

    /// Reads progress. Throws DatabaseError, and TroubleOfTheWorld when Kafka does not answer.
    void read(Session& session);

    [[nodiscard]] const std::vector<ProgressGoal>& goals() const { return goals_; }
    [[nodiscard]] bool reached() const;

private:
    rd_kafka_t& client_;
    const std::string schema_;
    const std::string pipeline_;
    const config::Topics topics_;
    const std::string cluster_id_;
    std::vector<ProgressGoal> goals_;
};

}  // namespace sluice
