#pragma once

#include "pipeline/record.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// What the Kafka client tells of itself every now and then.
struct GroupStatistics {
    struct Broker {
        std::string id;      ///< Kafka's number of it
        std::string name{};  ///< for people: "host:9092/1"
        bool up = false;
        bool leads = false;                      ///< partitions that we read
        std::chrono::seconds silent{};           ///< while it owes an answer
        std::chrono::microseconds round_trip{};  ///< mean, since the last time
        std::chrono::milliseconds throttle{};    ///< mean, since the last time
        std::int64_t errors = 0;                 ///< since the client began
    };
    struct Partition {
        PartitionId partition = 0;
        std::optional<Offset> end;         ///< for a reader of committed records
        std::optional<Offset> open_until;  ///< the end with open transactions' records, if beyond
    };
    /// Of several topics one that is not read, while the others are.
    struct MissingTopic {
        std::string topic;
        std::string why;     ///< in words
        bool named = false;  ///< in the configuration, not found by an expression
        bool operator==(const MissingTopic&) const = default;
    };
    std::vector<Broker> brokers;
    std::vector<Partition> partitions;
    std::vector<MissingTopic> missing;
    std::size_t fetched_records = 0;       ///< that no lane has taken yet
    std::size_t fetched_bytes = 0;         ///< of records that lanes are not done with
    std::chrono::nanoseconds throttled{};  ///< for memory, since the client began
};

}  // namespace sluice
