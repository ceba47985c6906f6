#include "sinks/books/dead_letters.h"

#include "pipeline/values/hex.h"
#include "pipeline/values/utf8.h"
#include "schemas/json_string.h"
#include "sinks/session/session.h"
#include "sinks/session/sql_text.h"

#include <cstdint>
#include <limits>

namespace sluice {
namespace {

/// What the database cannot hold in a text, NUL too, becomes U+FFFD.
std::string as_text(std::string_view bytes) {
    std::string text;
    while (!bytes.empty()) {
        const std::size_t size = bytes[0] == '\0' ? 0 : utf8::character_size(bytes);
        text += size == 0 ? "\xEF\xBF\xBD" : bytes.substr(0, size);
        bytes.remove_prefix(size == 0 ? 1 : size);
    }
    return text;
}

void append_text_or_hex(std::string& to, const char* name, std::string_view bytes) {
    to.append("\"").append(name);
    if (utf8::complaint_of(bytes) == nullptr) {
        to += "\":";
        return json::append_string(to, bytes);
    }
    to += "_hex\":\"";
    append_hex(to, bytes);
    to += '"';
}

template <typename Integer>
void append_integer(std::string& to, Integer value) {
    for (int shift = (int(sizeof value) - 1) * 8; shift >= 0; shift -= 8)
        to += static_cast<char>(static_cast<std::uint64_t>(value) >> shift);
}

void append_bytes(std::string& to, std::string_view bytes) {
    append_integer(to, static_cast<std::int32_t>(bytes.size()));
    to.append(bytes);
}

void append_bytes(std::string& to, const std::optional<std::string_view>& bytes) {
    if (bytes)
        append_bytes(to, *bytes);
    else
        append_integer(to, std::int32_t{-1});
}

void append_jsonb(std::string& to, std::string_view json) {
    append_integer(to, static_cast<std::int32_t>(json.size() + 1));
    to += '\1';  // the version of jsonb's binary form
    to.append(json);
}

/// Microseconds since 2000; Kafka takes any 64-bit number of milliseconds, a timestamp does not.
std::optional<std::int64_t> timestamp(std::int64_t milliseconds) {
    constexpr std::int64_t from_1970_to_2000_ms = 946684800000;
    constexpr std::int64_t last_ms = 9223371331200000;  // the end of the year 294276
    if (milliseconds < 0 || milliseconds >= last_ms) return std::nullopt;
    return (milliseconds - from_1970_to_2000_ms) * 1000;
}

}  // namespace

std::string headers_json(std::span<const Header> headers) {
    std::string json = "[";
    for (const Header& header : headers) {
        if (json.size() > 1) json += ',';
        json += '{';
        append_text_or_hex(json, "name", header.name);
        json += ',';
        if (header.value)
            append_text_or_hex(json, "value", *header.value);
        else
            json += "\"value\":null";
        json += '}';
    }
    return json + "]";
}

std::string reasons_json(const std::vector<Reason>& reasons) {
    std::string json = "[";
    for (const Reason& reason : reasons) {
        if (json.size() > 1) json += ',';
        json += "{\"column\":";
        if (reason.column.empty())
            json += "null";
        else
            json::append_string(json, as_text(reason.column));
        json += ",\"reason\":";
        json::append_string(json, as_text(reason.text));
        json += '}';
    }
    return json + "]";
}

std::string dead_letter_copy(const std::string& schema) {
    return "COPY " + quote_identifier(schema) +
           ".dead_letter (pipeline, cluster_id, topic, kafka_partition, incarnation, kafka_offset, "
           "record_time,"
           " key, value, headers, reasons) FROM STDIN (FORMAT binary)";
}

void append_dead_letter(std::string& to, const PipelineIdentity& identity, const Record& record,
                        int incarnation, const std::vector<Reason>& reasons) {
    append_integer(to, std::int16_t{11});
    append_bytes(to, std::string_view(identity.pipeline));
    append_bytes(to, std::string_view(identity.cluster_id));
    append_bytes(to, std::string_view(record.from->topic));
    append_integer(to, std::int32_t{4});
    append_integer(to, record.from->number);
    append_integer(to, std::int32_t{4});
    append_integer(to, std::int32_t{incarnation});
    append_integer(to, std::int32_t{8});
    append_integer(to, record.offset);
    if (const auto time = timestamp(record.timestamp_ms)) {
        append_integer(to, std::int32_t{8});
        append_integer(to, *time);
    } else {
        append_integer(to, std::int32_t{-1});
    }
    append_bytes(to, record.key);
    append_bytes(to, record.value);
    append_jsonb(to, headers_json(record.headers));
    append_jsonb(to, reasons_json(reasons));
}

}  // namespace sluice
