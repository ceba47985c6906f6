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

/// Makes `record` a view of a message without an error, of that partition: valid as long as the
/// message, and until the next call with the same `headers`. In place: a record that is copied as
/// soon as it is written waits for its own bytes.
void read_record(const rd_kafka_message_t& message, const TopicPartition& from,
                 std::vector<Header>& headers, Record& record);

/// Has the processor fetch what read_record() will read, without waiting for it. First the message
/// itself, then, when that is there, what it points to.
inline void prefetch(const rd_kafka_message_t* message) {
    __builtin_prefetch(message);
    __builtin_prefetch(message + 1);  // what librdkafka keeps behind it, such as its timestamp
}
void prefetch_value(const rd_kafka_message_t& message);

}  // namespace sluice::kafka
