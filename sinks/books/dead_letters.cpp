#include "sinks/books/dead_letters.h"

#include "sinks/session/session.h"
#include "sinks/session/sql_text.h"

#include <cstdint>
#include <limits>

namespace sluice {
namespace {

/// How long the UTF-8 sequence at the front is; 0: none that PostgreSQL takes. NUL counts as none.
std::size_t sequence_size(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead == 0) return 0;
    if (lead < 0x80) return 1;
    const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i)
        if ((byte(i) & 0xC0) != 0x80) return 0;
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;  // longer than needed
    if (lead == 0xED && byte(1) > 0x9F) return 0;  // a surrogate
    if (lead == 0xF0 && byte(1) < 0x90) return 0;
    if (lead == 0xF4 && byte(1) > 0x8F) return 0;
    return size;
}

bool is_text(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t size = sequence_size(bytes);
        if (size == 0) return false;
        bytes.remove_prefix(size);
    }
    return true;
}

constexpr char hex_digits[] = "0123456789abcdef";

/// A JSON string; what is no text becomes U+FFFD.
void append_string(std::string& to, std::string_view text) {
    to += '"';
    while (!text.empty()) {
        const std::size_t size = sequence_size(text);
        const auto c = static_cast<unsigned char>(text[0]);
        if (size == 0) {
            to += "\xEF\xBF\xBD";
        } else if (c == '"' || c == '\\') {
            to += '\\';
            to += text[0];
        } else if (c < 0x20) {
            to += "\\u00";
            to += hex_digits[c >> 4];
            to += hex_digits[c & 15];
        } else {
            to.append(text.substr(0, size));
        }
        text.remove_prefix(size == 0 ? 1 : size);
    }
    to += '"';
}

void append_text_or_hex(std::string& to, const char* name, std::string_view bytes) {
    to.append("\"").append(name);
    if (is_text(bytes)) {
        to += "\":";
        append_string(to, bytes);
        return;
    }
    to += "_hex\":\"";
    for (const char c : bytes) {
        to += hex_digits[static_cast<unsigned char>(c) >> 4];
        to += hex_digits[static_cast<unsigned char>(c) & 15];
    }
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
            append_string(json, reason.column);
        json += ",\"reason\":";
        append_string(json, reason.text);
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
