#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sluice {

/// A position in a partition: always the *next* offset to read, as Kafka counts. Never "the last
/// one read". Ranges are half-open.
using Offset = std::int64_t;
using PartitionId = std::int32_t;

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
    PartitionId partition = 0;
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

}  // namespace sluice
