#include "pipeline/decode/metadata.h"

#include "pipeline/values/hex.h"
#include "pipeline/values/json_text.h"
#include "pipeline/values/utf8.h"

namespace sluice {
namespace {

using SourceKind = config::Source::Kind;
using Kind = Value::Kind;

Value bytes_of(const std::optional<std::string_view>& from) {
    return from ? Value{Kind::bytes, *from} : Value{Kind::null, {}};
}

/// NULL also beyond the year 9999, where only a broken clock is.
Value record_time(std::int64_t timestamp_ms) {
    constexpr std::int64_t end = 253'402'300'800'000;
    if (timestamp_ms < 0 || timestamp_ms >= end) return {Kind::null, {}};
    Value time = Value::of(Kind::instant, timestamp_ms * 1000);
    time.scale = 3;
    return time;
}

Value header(const Record& record, const std::string& name) {
    for (auto at = record.headers.rbegin(); at != record.headers.rend(); ++at)
        if (at->name == name) return bytes_of(at->value);
    return {};
}

/// A value that is no text appears as bytea would show it.
Value headers_as_json(const Record& record, Scratch& scratch, std::string& buffer) {
    const auto append = [&](std::string_view text) {
        if (utf8::complaint_of(text) == nullptr) return json::append_string(buffer, text);
        buffer += "\"\\\\x";
        append_hex(buffer, text);
        buffer += '"';
    };
    buffer.assign(1, '{');
    for (const Header& each : record.headers) {
        if (buffer.size() > 1) buffer += ", ";
        append(each.name);
        buffer += ": ";
        if (each.value)
            append(*each.value);
        else
            buffer += "null";
    }
    buffer += '}';
    return {Kind::json, scratch.keep(buffer)};
}

}  // namespace

bool is_metadata(SourceKind kind) {
    return kind != SourceKind::field && kind != SourceKind::position &&
           kind != SourceKind::key_field && kind != SourceKind::envelope;
}

Value metadata_of(const Record& record, const config::Source& source, Scratch& scratch,
                  std::string& buffer) {
    switch (source.kind) {
        case SourceKind::value:
            return bytes_of(record.value);
        case SourceKind::key:
            return bytes_of(record.key);
        case SourceKind::topic:
            return {Kind::text, record.from->topic};
        case SourceKind::partition:
            return Value::of(Kind::integer, record.from->number);
        case SourceKind::offset:
            return Value::of(Kind::integer, record.offset);
        case SourceKind::timestamp:
            return record_time(record.timestamp_ms);
        case SourceKind::headers:
            return headers_as_json(record, scratch, buffer);
        case SourceKind::header:
            return header(record, source.name);
        default:
            return {};
    }
}

}  // namespace sluice
