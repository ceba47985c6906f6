#pragma once

#include "pipeline/partition_table.h"

#include <memory>
#include <string>

namespace sluice {

/// Whose progress: the pipeline's name belongs to it, so that two pipelines can read one topic
/// into two tables; Kafka's cluster id too, so that a topic of the same name elsewhere is another.
/// Where a partition is named, the table has its topic and number.
struct PipelineIdentity {
    std::string schema = "sluice";  ///< of Sluice's own tables, unquoted
    std::string pipeline;
    std::string cluster_id;
    std::shared_ptr<PartitionTable> partitions;  ///< what it reads
    std::string writer;                          ///< who we are, for people: "host:pid"
    std::string revision;                        ///< of the configuration

    /// "schema".name, quoted.
    [[nodiscard]] std::string own_table(const char* name) const;
};

}  // namespace sluice
