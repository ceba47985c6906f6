#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

/// A position in a partition: always the *next* offset to read, as Kafka counts. Never "the last
/// one read". Ranges are half-open.
using Offset = std::int64_t;
/// Of a partition within its topic, as Kafka counts.
using PartitionNumber = std::int32_t;
/// Of a partition among all that one pipeline reads, whatever their topics: counts up from 0, and
/// means the same for as long as the pipeline's PartitionTable lives.
using PartitionId = std::int32_t;

struct TopicPartition {
    std::string topic;
    PartitionNumber number = 0;
    PartitionId id = 0;
};
/// What records are from that came from no topic.
inline const TopicPartition without_topic;

struct OffsetRange {
    Offset from = 0;
    Offset to = 0;

    [[nodiscard]] Offset size() const { return to - from; }
    bool operator==(const OffsetRange&) const = default;
};

struct Header {
    std::string_view name;
    std::optional<std::string_view> value;  ///< nullopt: a NULL value, which Kafka permits
};

/// A Kafka message as a view: everything it points to belongs to somebody else, and whoever hands
/// a Record out says for how long it stays valid.
struct Record {
    const TopicPartition* from = &without_topic;  ///< lives as long as the table that it is in
    Offset offset = 0;
    std::int64_t timestamp_ms = -1;       ///< milliseconds since 1970 UTC; -1: the record has none
    std::optional<std::string_view> key;  ///< any bytes; nullopt: NULL
    std::optional<std::string_view> value;
    std::span<const Header> headers;
};

/// What tells one record from another at the same offset of a topic that was deleted and created
/// anew: kept with progress, compared on resume.
struct RecordIdentity {
    Offset offset = -1;  ///< -1: none known, nothing was read yet
    std::int64_t timestamp_ms = -1;
    std::uint32_t checksum = 0;  ///< CRC-32 (zlib's) of key, then value

    [[nodiscard]] bool known() const { return offset >= 0; }
    bool operator==(const RecordIdentity&) const = default;
};

[[nodiscard]] RecordIdentity identify(const Record& record);

/// For messages: "orders[3]" and "orders[3]@17".
[[nodiscard]] std::string name_of(const TopicPartition& partition);
[[nodiscard]] std::string name_of(const TopicPartition& partition, Offset offset);
[[nodiscard]] inline std::string name_of(const Record& record) {
    return name_of(*record.from, record.offset);
}

}  // namespace sluice
