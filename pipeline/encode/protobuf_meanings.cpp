/// How Google's own messages are written: by what they stand for.
#include "pipeline/encode/protobuf_encoder.h"

#include "config/text/characters.h"
#include "pipeline/encode/read_values.h"
#include "pipeline/values/civil_time.h"

#include <algorithm>
#include <charconv>

namespace sluice {

namespace {

using protobuf::WireType;
using NodeKind = JsonNode::Kind;

/// Takes ".123" out of a text; as nanoseconds. Finer digits are cut off.
std::int32_t take_nanos(std::string& text) {
    const std::size_t point = text.find('.');
    if (point == std::string::npos) return 0;
    std::size_t end = point + 1;
    std::int32_t nanos = 0;
    for (std::int32_t unit = 100'000'000; end < text.size() && is_digit(text[end]); ++end) {
        nanos += (text[end] - '0') * unit;
        unit /= 10;
    }
    text.erase(point, end - point);
    return nanos;
}

/// "aB" in a FieldMask's JSON is the path "a_b".
std::string path_of(std::string_view in_json) {
    std::string path;
    for (const char c : in_json) {
        const bool is_upper = c >= 'A' && c <= 'Z';
        if (is_upper) path += '_';
        path += is_upper ? to_lower(c) : c;
    }
    return path;
}

}  // namespace

bool ProtobufEncoder::message_of_meaning(const JsonNode& node, const MessageType& type) {
    using Meaning = MessageType::Meaning;
    switch (type.meaning) {
        case Meaning::timestamp:
            return timestamp(node) ||
                   refuse(node, type.name, "is not a time such as 2026-01-31T12:30:00Z");
        case Meaning::duration:
            return duration(node) || refuse(node, type.name, "is not a duration such as 1.5s");
        case Meaning::wrapper:
            return single(node, type.fields[0]);
        case Meaning::structure:
            return map(node, type.fields[0]);
        case Meaning::list:
            return list(node, type.fields[0]);
        case Meaning::value:
            return any_value(node, type);
        case Meaning::any:
            return any(node, type);
        case Meaning::field_mask:
            return mask(node, type);
        case Meaning::plain:
            break;
    }
    return fields(node, type);
}

/// google.protobuf.Value: whatever JSON it is.
bool ProtobufEncoder::any_value(const JsonNode& node, const MessageType& type) {
    enum Place : std::size_t { null, number, string, boolean, structure, list };
    constexpr auto place_of = [](NodeKind kind) {
        switch (kind) {
            case NodeKind::null:
                return null;
            case NodeKind::boolean:
                return boolean;
            case NodeKind::number:
                return number;
            case NodeKind::string:
                return string;
            case NodeKind::array:
                return list;
            case NodeKind::object:
                break;
        }
        return structure;
    };
    return single(node, type.fields[place_of(node.kind)]);
}

/// Of a type that the schema knows, its fields; of others, its bytes.
bool ProtobufEncoder::any(const JsonNode& node, const MessageType& type) {
    const JsonNode* const url =
        node.kind == NodeKind::object ? tree_.member(node, "@type") : nullptr;
    if (url == nullptr || url->kind != NodeKind::string)
        return refuse(node, type.name, "has no \"@type\"");
    if (!single(*url, type.fields[0])) return false;
    const auto known = schema_->find(url->text.substr(url->text.rfind('/') + 1));
    const bool is_plain = known && schema_->messages[*known].meaning == MessageType::Meaning::plain;
    const JsonNode* const value = tree_.member(node, "value");
    if (!is_plain && value == nullptr) return refuse(node, type.name, "has no \"value\"");
    if (!known) return single(*value, type.fields[1]) || fail_in("value");
    put_tag(type.fields[1].number, WireType::bytes);
    const std::size_t begin = to_->size();
    const MessageType& content = schema_->messages[*known];
    if (!(is_plain ? fields(node, content, url) : message(*value, content))) return false;
    put_size_at(begin);
    return true;
}

bool ProtobufEncoder::mask(const JsonNode& node, const MessageType& type) {
    if (node.kind != NodeKind::string) return refuse(node, type.name, "is not a string");
    for (std::string_view rest = node.text; !rest.empty();) {
        const std::string_view text = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(text.size() + 1, rest.size()));
        const std::string spelled = path_of(text);
        JsonNode path;
        path.kind = NodeKind::string;
        path.text = spelled;
        if (!single(path, type.fields[0])) return false;
    }
    return true;
}

bool ProtobufEncoder::timestamp(const JsonNode& node) {
    if (node.kind != NodeKind::string) return false;
    std::string text(node.text);
    const std::int32_t nanos = take_nanos(text);
    JsonNode whole;
    whole.kind = NodeKind::string;
    whole.text = text;
    encode::Moment moment;
    if (encode::read_instant(whole, moment) != nullptr) return false;
    put_seconds({moment.value / civil_time::microseconds_per_second, nanos});
    return true;
}

/// "1.5s" as Protobuf's own JSON has it, or an interval's text.
bool ProtobufEncoder::duration(const JsonNode& node) {
    if (node.kind != NodeKind::string) return false;
    std::string text(node.text);
    const std::int32_t nanos = take_nanos(text);
    const bool negative = text.starts_with('-');
    std::int64_t seconds = 0;
    const char* const end = text.data() + text.size();
    const auto [after, error] = std::from_chars(text.data(), end, seconds);
    if (error == std::errc() && end - after == 1 && *after == 's') {
        return put_duration({seconds, negative ? -nanos : nanos});
    }
    encode::Interval interval;
    if (encode::read_interval(node, interval) != nullptr || interval.months != 0) return false;
    constexpr std::int64_t day = 86'400;
    constexpr std::int64_t nanos_per_microsecond = 1000;
    const std::int64_t whole = interval.microseconds / civil_time::microseconds_per_second;
    const std::int64_t rest = interval.microseconds % civil_time::microseconds_per_second;
    if (__builtin_mul_overflow(interval.days, day, &seconds) ||
        __builtin_add_overflow(seconds, whole, &seconds))
        return false;
    return put_duration({seconds, static_cast<std::int32_t>(rest * nanos_per_microsecond)});
}

bool ProtobufEncoder::put_duration(protobuf::Seconds duration) {
    if (duration.seconds < -protobuf::longest_duration ||
        duration.seconds > protobuf::longest_duration)
        return false;
    put_seconds(protobuf::with_one_sign(duration));
    return true;
}

void ProtobufEncoder::put_seconds(protobuf::Seconds seconds) {
    put_tag(1, WireType::varint);
    put_varint(static_cast<std::uint64_t>(seconds.seconds));
    put_tag(2, WireType::varint);
    put_varint(static_cast<std::uint64_t>(std::int64_t{seconds.nanos}));
}

}  // namespace sluice
