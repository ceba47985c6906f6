#pragma once

#include "config/config.h"
#include "daemon/commands/command_line.h"
#include "kafka/topic.h"

#include <optional>

namespace sluice {

/// Which of a pipeline's partitions a command is about: --topic and --partition.
struct AskedPartitions {
    config::Topics topics;
    std::optional<PartitionNumber> number;  ///< of the only topic; nullopt: all of all topics
};

/// Asks nobody. Throws WrongConfiguration: of several topics a number needs --topic.
[[nodiscard]] AskedPartitions asked_partitions(const config::Ingest& ingest,
                                               const CommandLine& line);

/// Those that there are. Throws TroubleOfTheWorld, and WrongConfiguration where there is none of
/// this number.
[[nodiscard]] kafka::TopicPartitions find(rd_kafka_t& client, const AskedPartitions& asked);

}  // namespace sluice
