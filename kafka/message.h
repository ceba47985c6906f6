#pragma once

#include "kafka/handles.h"
#include "pipeline/record.h"

#include <vector>

namespace sluice::kafka {

/// Whether the value is certain to be followed by a count of headers that is 0. librdkafka takes
/// three allocations to say so. In message format 2, and in no older one, a value stands behind its
/// length as a zigzag varint, which is never what the four bytes of the older ones end with; behind
/// it stands the count of headers, one of the same
/// (https://kafka.apache.org/documentation/#record). A contract test holds librdkafka to handing
/// out values where they were fetched.
[[nodiscard]] bool is_without_headers(const rd_kafka_message_t& message);

/// A message without an error as a record of that partition: valid as long as the message, and
/// until the next call with the same `headers`.
[[nodiscard]] Record record_of(const rd_kafka_message_t& message, const TopicPartition& from,
                               std::vector<Header>& headers);

}  // namespace sluice::kafka
