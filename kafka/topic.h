#pragma once

#include "kafka/handles.h"
#include "pipeline/ingest/ports.h"
#include "pipeline/partition_table.h"

#include <chrono>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Questions about a topic, asked through any client. They block for a bounded time and throw
/// TroubleOfTheWorld when Kafka does not answer.
namespace sluice::kafka {

inline constexpr std::chrono::seconds answer_timeout{10};

/// Names the cluster for as long as it lives: progress is kept under it.
[[nodiscard]] std::string cluster_id(rd_kafka_t& client);

/// Asks for this topic's metadata, or, without one, for all topics'. To ask for one may create it.
/// Throws TroubleOfTheWorld, which begins with `doing`.
[[nodiscard]] MetadataHandle ask_for_metadata(rd_kafka_t& client, rd_kafka_topic_t* topic,
                                              std::string_view doing,
                                              std::chrono::milliseconds timeout = answer_timeout);

/// Names of all topics that we may see, Kafka's own apart.
[[nodiscard]] std::vector<std::string> all_topics(rd_kafka_t& client);

/// Throws TroubleOfTheWorld, with the remedy, when there is no such topic.
[[nodiscard]] std::vector<PartitionNumber> partitions_of(
    rd_kafka_t& client, const std::string& topic,
    std::chrono::milliseconds timeout = answer_timeout);

/// Of several topics: each with its partitions, ascending.
using TopicPartitions = std::map<std::string, std::vector<PartitionNumber>>;
/// What there is of these topics. The only one has to be there: see above. Of several, what is not
/// there is left out, be it all of them.
[[nodiscard]] TopicPartitions partitions_of(rd_kafka_t& client, const config::Topics& topics,
                                            std::chrono::milliseconds timeout = answer_timeout);

/// Where `start` lies in each of these partitions. A time after the last record is the end.
[[nodiscard]] std::map<PartitionNumber, Offset> resolve_start(
    rd_kafka_t& client, const std::string& topic, const config::Start& start,
    std::span<const PartitionNumber> partitions);

/// By topic and partition.
using TopicOffsets = std::map<std::string, std::map<PartitionNumber, Offset>>;
/// The same of several topics, by a question or two to each broker. Throws where one of them cannot
/// be told.
[[nodiscard]] TopicOffsets resolve_start(rd_kafka_t& client, const TopicPartitions& partitions,
                                         const config::Start& start);

/// Where these end for a reader of committed records; those of which Kafka tells nothing are left
/// out.
[[nodiscard]] TopicOffsets ends_of(rd_kafka_t& client, const TopicPartitions& partitions,
                                   std::chrono::milliseconds timeout);

/// From the first offset that is still there to the end (past transaction markers).
[[nodiscard]] OffsetRange available_offsets(rd_kafka_t& client, const std::string& topic,
                                            PartitionNumber partition);

/// The same of several partitions, by two questions to each broker.
[[nodiscard]] std::map<PartitionNumber, OffsetRange> available_offsets(
    rd_kafka_t& client, const std::string& topic, std::span<const PartitionNumber> partitions);

/// Seeks in each partition of the list and waits for the answers; an entry's `err` says how its
/// went. Throws TroubleOfTheWorld, which begins with `doing`, when they do not come in time.
void seek(rd_kafka_t& client, rd_kafka_topic_partition_list_t& positions, std::string_view doing,
          std::chrono::milliseconds timeout = answer_timeout);

[[nodiscard]] PartitionList make_list(const PartitionTable& table,
                                      std::span<const Position> positions);
[[nodiscard]] PartitionList make_list(const PartitionTable& table,
                                      std::span<const PartitionId> partitions);
/// Of one.
[[nodiscard]] PartitionList make_list(const std::string& topic, PartitionNumber partition,
                                      Offset offset);

}  // namespace sluice::kafka
