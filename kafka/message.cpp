#include "kafka/message.h"

#include "pipeline/encode/write_bytes.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace sluice::kafka {
namespace {

using Bytes = std::optional<std::string_view>;

void set(Bytes& bytes, const void* data, std::size_t size) {
    if (data == nullptr)
        bytes.reset();
    else
        bytes.emplace(static_cast<const char*>(data), size);
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
        set(headers.emplace_back(Header{name, {}}).value, value, size);
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

void read_record(const rd_kafka_message_t& message, const TopicPartition& from,
                 std::vector<Header>& headers, Record& record) {
    read_headers(message, headers);
    rd_kafka_timestamp_type_t type{};
    const std::int64_t timestamp = rd_kafka_message_timestamp(&message, &type);
    record.from = &from;
    record.offset = message.offset;
    record.timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp;
    set(record.key, message.key, message.key_len);
    set(record.value, message.payload, message.len);
    record.headers = headers;
}

void prefetch_value(const rd_kafka_message_t& message) {
    // The longest stretch that is worth it; the processor goes on by itself.
    constexpr std::size_t line = 64;
    constexpr std::size_t most = 8 * line;
    const auto* const value = static_cast<const char*>(message.payload);
    for (std::size_t at = 0; at <= std::min(message.len, most); at += line)
        __builtin_prefetch(value + at);
}

}  // namespace sluice::kafka
