#include "pipeline/decode/protobuf/protobuf_values.h"

#include "pipeline/values/big_endian.h"
#include "pipeline/values/conversion.h"
#include "pipeline/values/utf8.h"

#include <simdjson.h>

namespace sluice::protobuf {

namespace {

using Type = ProtobufField::Type;
using Kind = Value::Kind;

constexpr std::int64_t micros_per_second = 1'000'000;
constexpr std::int32_t nanos_per_micro = 1000;

const char* name_of(WireType type) {
    switch (type) {
        case WireType::varint:
            return "a number";
        case WireType::fixed64:
            return "8 bytes";
        case WireType::fixed32:
            return "4 bytes";
        case WireType::bytes:
            return "bytes with a length";
        default:
            return "a group";
    }
}

/// Of a message that has no lists, and whose fields count up from 1: in the order of the record.
template <class Take>
bool for_each_field(const ProtobufMessage& message, std::span<const Piece> pieces, WireError& error,
                    Take take) {
    for (const Piece& piece : pieces) {
        WireReader reader(piece.bytes(), error);
        while (!reader.at_end()) {
            std::uint32_t number = 0;
            WireType type{};
            Piece part;
            if (!reader.read_tag(number, type) || !reader.read(number, type, part)) return false;
            if (number > message.fields.size()) continue;
            const ProtobufField& field = message.fields[number - 1];
            const WireType usual = wire_type_of(field.type);
            if (type != usual) {
                refuse_form(usual, type, part.at, error);
                return error.within(field.name);
            }
            take(field, part);
        }
    }
    return true;
}

bool refuse_range(const char* what, std::span<const Piece> pieces, WireError& error) {
    return error.fail(what, pieces.back().at);
}

}  // namespace

/// Whether a column can hold what is no text is for the column to say.
Value text_value(std::string_view text) {
    const bool is_text = utf8::is_plain(text) || utf8::complaint_of(text) == nullptr;
    return {is_text ? Kind::text : Kind::bytes, text};
}

Value unsigned_value(std::uint64_t number, Scratch& scratch) {
    if (number <= INT64_MAX) return Value::of(Kind::integer, static_cast<std::int64_t>(number));
    char* const bytes = scratch.reserve(1 + sizeof number);
    bytes[0] = 0;
    put_big_endian(bytes + 1, number, sizeof number);
    return Value::of_decimal({bytes, 1 + sizeof number}, 0);
}

Value label_value(const ProtobufSchema& schema, const ProtobufField& field, std::uint64_t number) {
    const std::int64_t integer = integer_of(field.type, number);
    const std::string_view label =
        schema.enumerations[field.content].label_of(static_cast<std::int32_t>(integer));
    return label.empty() ? Value::of(Kind::integer, integer) : Value{Kind::text, label};
}

bool refuse_form(WireType usual, WireType found, const char* where, WireError& error) {
    return error.fail(std::string(name_of(found)) + ", where the schema has " + name_of(usual),
                      where);
}

bool check_text(std::string_view text, WireError& error) {
    if (simdjson::validate_utf8(text.data(), text.size())) return true;
    return error.fail("not UTF-8", text.data() + utf8::first_invalid(text));
}

Piece preset_piece(const ProtobufField& field) {
    const bool has_bytes = field.type == Type::string || field.type == Type::bytes;
    return has_bytes ? Piece::of(field.preset_bytes) : Piece{nullptr, field.preset};
}

Value preset_of(const ProtobufSchema& schema, const ProtobufField& field, Scratch& scratch) {
    if (field.count == ProtobufField::Count::many) return {Kind::json_array, "[]"};
    if (field.count == ProtobufField::Count::map) return {Kind::json_object, "{}"};
    return scalar_value(schema, field, preset_piece(field), scratch);
}

bool read_entry(const ProtobufMessage& entry, const Piece& piece, Piece& key,
                std::vector<Piece>& values, WireError& error) {
    key = {piece.at, 0};
    values.clear();
    const bool read = for_each_field(entry, {&piece, 1}, error,
                                     [&](const ProtobufField& field, const Piece& part) {
                                         if (field.number == 1) {
                                             key = part;
                                         } else {
                                             values.push_back(part);
                                         }
                                     });
    if (!read) return false;
    if (values.empty()) values.push_back({piece.at, 0});
    if (!is_message(entry.fields[1].type)) values.erase(values.begin(), values.end() - 1);
    return true;
}

bool read_seconds(const ProtobufMessage& message, std::span<const Piece> pieces, WireError& error,
                  Seconds& read) {
    return for_each_field(message, pieces, error,
                          [&](const ProtobufField& field, const Piece& part) {
                              if (field.number == 1) {
                                  read.seconds = static_cast<std::int64_t>(part.number);
                              } else {
                                  read.nanos = static_cast<std::int32_t>(part.number);
                              }
                          });
}

Seconds with_one_sign(Seconds duration) {
    duration.seconds += duration.nanos / nanos_per_second;
    duration.nanos %= nanos_per_second;
    if (duration.seconds > 0 && duration.nanos < 0) {
        --duration.seconds;
        duration.nanos += nanos_per_second;
    } else if (duration.seconds < 0 && duration.nanos > 0) {
        ++duration.seconds;
        duration.nanos -= nanos_per_second;
    }
    return duration;
}

bool read_instant(const ProtobufMessage& message, std::span<const Piece> pieces, WireError& error,
                  Value& value) {
    Seconds read;
    if (!read_seconds(message, pieces, error, read)) return false;
    const std::int64_t micros = read.nanos / nanos_per_micro - (read.nanos % nanos_per_micro < 0);
    value = Value::of(Kind::instant, 0);
    if (__builtin_mul_overflow(read.seconds, micros_per_second, &value.integer) ||
        __builtin_add_overflow(value.integer, micros, &value.integer))
        return refuse_range("a time out of range", pieces, error);
    return true;
}

bool read_interval(const ProtobufMessage& message, std::span<const Piece> pieces, Scratch& scratch,
                   WireError& error, Value& value) {
    Seconds read;
    if (!read_seconds(message, pieces, error, read)) return false;
    constexpr std::int64_t most = INT64_MAX / micros_per_second - 1;
    if (read.seconds > most || read.seconds < -most)
        return refuse_range("a duration out of range", pieces, error);
    const Seconds duration = with_one_sign(read);
    const std::int64_t micros =
        duration.seconds * micros_per_second + duration.nanos / nanos_per_micro;
    value = interval_value(micros, 0, 0, scratch);
    return true;
}

bool read_wrapped(const ProtobufMessage& wrapper, std::span<const Piece> pieces, WireError& error,
                  Piece& wrapped) {
    wrapped = {pieces.back().at, 0};
    return for_each_field(wrapper, pieces, error,
                          [&](const ProtobufField&, const Piece& part) { wrapped = part; });
}

}  // namespace sluice::protobuf
