#pragma once

#include "kafka/handles.h"
#include "pipeline/record.h"

#include <vector>

namespace sluice::kafka {

/// A message without an error as a record of that partition: valid as long as the message, and
/// until the next call with the same `headers`.
[[nodiscard]] Record record_of(const rd_kafka_message_t& message, const TopicPartition& from,
                               std::vector<Header>& headers);

}  // namespace sluice::kafka
