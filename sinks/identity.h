#pragma once

#include <string>

namespace sluice {

/// Whose progress: the pipeline's name belongs to it, so that two pipelines can read one topic
/// into two tables; Kafka's cluster id too, so that a topic of the same name elsewhere is another.
struct PipelineIdentity {
    std::string schema = "sluice";  ///< of Sluice's own tables, unquoted
    std::string pipeline;
    std::string cluster_id;
    std::string topic;
    std::string writer;    ///< who we are, for people: "host:pid"
    std::string revision;  ///< of the configuration
};

}  // namespace sluice
