#include "kafka/message.h"

#include "pipeline/encode/write_bytes.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace sluice::kafka {
namespace {

std::optional<std::string_view> bytes(const void* data, std::size_t size) {
    if (data == nullptr) return std::nullopt;
    return std::string_view(static_cast<const char*>(data), size);
}

void read_headers(const rd_kafka_message_t& message, std::vector<Header>& headers) {
    headers.clear();
    if (is_without_headers(message)) return;
    rd_kafka_headers_t* raw = nullptr;
    if (rd_kafka_message_headers(&message, &raw) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0;
         rd_kafka_header_get_all(raw, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
        headers.push_back({name, bytes(value, size)});
    }
}

}  // namespace

bool is_without_headers(const rd_kafka_message_t& message) {
    if (message.payload == nullptr || message.len == 0) return false;
    const auto* const value = static_cast<const char*>(message.payload);
    std::array<char, encode::longest_varint> buffer;
    const char* const length = buffer.data();
    const char* const end =
        encode::put_varint(buffer.data(), encode::zigzag(static_cast<std::int64_t>(message.len)));
    // A loop: for a byte or two a call of memcmp() takes longer.
    return std::mismatch(length, end, value - (end - length)).first == end &&
           value[message.len] == 0;
}

Record record_of(const rd_kafka_message_t& message, const TopicPartition& from,
                 std::vector<Header>& headers) {
    read_headers(message, headers);
    rd_kafka_timestamp_type_t type{};
    const std::int64_t timestamp = rd_kafka_message_timestamp(&message, &type);
    return {.from = &from,
            .offset = message.offset,
            .timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp,
            .key = bytes(message.key, message.key_len),
            .value = bytes(message.payload, message.len),
            .headers = headers};
}

}  // namespace sluice::kafka
