#pragma once

#include "config/config.h"
#include "kafka/handles.h"

#include <cstdint>
#include <optional>
#include <string>

/// Marks of outbox relays: records of a compacted topic, so that they never expire; the key names
/// the relay, the value is a number.
namespace sluice::kafka {

/// Leaves the cluster with a topic for marks: looks, and creates it where permitted. Throws
/// TroubleOfTheWorld where it may not, or where the topic would lose marks.
void ensure_marks_topic(rd_kafka_t& client, const std::string& topic);

/// Why a topic that is there would lose marks, and what to do; empty: it would not, there is none,
/// or we may not ask. Throws TroubleOfTheWorld.
[[nodiscard]] std::string complaint_of_marks(rd_kafka_t& client, const std::string& topic);

/// The latest mark under this key that was committed. Waits until every transaction is decided that
/// had begun to write to the topic before the call. Throws TroubleOfTheWorld.
[[nodiscard]] std::optional<std::int64_t> read_mark(const config::Kafka& kafka,
                                                    const std::string& topic,
                                                    const std::string& key);

}  // namespace sluice::kafka
