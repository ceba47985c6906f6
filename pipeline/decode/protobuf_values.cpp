#include "pipeline/decode/protobuf_values.h"

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

/// Whether all of it is ASCII without NUL, as nearly all texts are.
bool is_plain(std::string_view text) {
    constexpr std::uint64_t ones = 0x0101010101010101;
    constexpr std::uint64_t high = 0x8080808080808080;
    const auto eight = [&text](std::size_t at) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + at, sizeof word);
        return word | (word - ones);  // in a word of plain characters, only a NUL borrows
    };
    std::uint64_t found = 0;
    std::size_t at = 0;
    for (; at + 8 <= text.size(); at += 8) found |= eight(at);
    if (at == text.size()) return (found & high) == 0;
    if (at > 0) return ((found | eight(text.size() - 8)) & high) == 0;
    for (const char c : text) found |= static_cast<unsigned char>(c | (c - 1));
    return (found & high) == 0;
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
    const bool is_text = is_plain(text) || utf8::complaint_of(text) == nullptr;
    return {is_text ? Kind::text : Kind::bytes, text};
}

Value unsigned_value(std::uint64_t number, Scratch& scratch) {
    if (number <= INT64_MAX) return Value::of(Kind::integer, static_cast<std::int64_t>(number));
    char* const bytes = scratch.reserve(1 + sizeof number);
    bytes[0] = 0;
    const std::uint64_t big_endian = __builtin_bswap64(number);
    std::memcpy(bytes + 1, &big_endian, sizeof big_endian);
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
    std::int64_t micros = 0;
    if (__builtin_mul_overflow(read.seconds, micros_per_second, &micros) ||
        __builtin_add_overflow(micros, std::int64_t{read.nanos / nanos_per_micro}, &micros))
        return refuse_range("a duration out of range", pieces, error);
    constexpr std::size_t size = 16;
    char* const bytes = scratch.reserve(size);
    std::memset(bytes, 0, size);
    const std::uint64_t big_endian = __builtin_bswap64(static_cast<std::uint64_t>(micros));
    std::memcpy(bytes, &big_endian, sizeof big_endian);
    value = {Kind::interval, {bytes, size}};
    return true;
}

bool read_wrapped(const ProtobufMessage& wrapper, std::span<const Piece> pieces, WireError& error,
                  Piece& wrapped) {
    wrapped = {pieces.back().at, 0};
    return for_each_field(wrapper, pieces, error,
                          [&](const ProtobufField&, const Piece& part) { wrapped = part; });
}

}  // namespace sluice::protobuf
