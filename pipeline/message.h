#pragma once

#include "pipeline/record.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sluice {

/// What is to be sent to a topic, as a view: whoever hands a Message out says for how long it stays
/// valid.
struct Message {
    std::optional<PartitionNumber> partition{};  ///< nullopt: Kafka's partitioner chooses
    std::optional<std::string_view> key{};       ///< any bytes; nullopt: NULL
    std::optional<std::string_view> value{};     ///< nullopt: NULL, a tombstone
    std::span<const Header> headers{};
    std::int64_t timestamp_ms = -1;  ///< milliseconds since 1970 UTC; -1: the time of sending
};

}  // namespace sluice
