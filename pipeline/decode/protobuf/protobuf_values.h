#pragma once

#include "pipeline/decode/protobuf/protobuf_wire.h"
#include "pipeline/values/scratch.h"
#include "pipeline/values/value.h"
#include "schemas/protobuf_schema.h"
#include "schemas/zigzag.h"

#include <bit>
#include <span>
#include <vector>

/// Protobuf's bytes with a schema beside them.
namespace sluice::protobuf {

using schemas::ProtobufEnumeration;
using schemas::ProtobufField;
using schemas::ProtobufMessage;
using schemas::ProtobufSchema;

[[nodiscard]] inline bool is_message(ProtobufField::Type type) {
    return type == ProtobufField::Type::message || type == ProtobufField::Type::group;
}
/// How the wire has a value of this type that stands alone.
[[nodiscard]] inline WireType wire_type_of(ProtobufField::Type type) {
    using enum WireType;
    constexpr WireType types[] = {varint,  fixed64, fixed32, varint, varint, varint, fixed64,
                                  fixed32, varint,  bytes,   group,  bytes,  bytes,  varint,
                                  varint,  fixed32, fixed64, varint, varint};
    return types[static_cast<std::size_t>(type)];
}

/// How a field's value may stand there.
enum class Form : std::uint8_t { single, packed, wrong };
[[nodiscard]] inline Form form_of(const ProtobufField& field, WireType usual, WireType found) {
    if (usual == found) return Form::single;
    const bool packs = field.count == ProtobufField::Count::many && usual != WireType::bytes &&
                       usual != WireType::group && found == WireType::bytes;
    return packs ? Form::packed : Form::wrong;
}
/// For Form::wrong, which readers of Google's skip; here it is most likely another schema's record.
bool refuse_form(WireType usual, WireType found, const char* where, WireError& error);

/// Gives each number of a packed list to `take`, which may say false.
template <class Take>
[[nodiscard]] bool unpack(const Piece& packed, WireType type, WireError& error, Take take) {
    WireReader reader(packed.bytes(), error);
    while (!reader.at_end()) {
        Piece piece;
        if (!reader.read(0, type, piece) || !take(piece)) return false;
    }
    return true;
}

/// Of an integer type or an enumeration other than 64 bits without a sign.
[[nodiscard]] inline std::int64_t integer_of(ProtobufField::Type type, std::uint64_t number) {
    using Type = ProtobufField::Type;
    switch (type) {
        case Type::int32:
        case Type::sfixed32:
        case Type::enumeration:
            return static_cast<std::int32_t>(number);  // as all readers: the low half counts
        case Type::uint32:
        case Type::fixed32:
            return static_cast<std::uint32_t>(number);
        case Type::sint32:
            return static_cast<std::int32_t>(schemas::unzigzag(number & UINT32_MAX));
        case Type::sint64:
            return schemas::unzigzag(number);
        case Type::boolean:
            return number != 0 ? 1 : 0;
        default:
            return static_cast<std::int64_t>(number);
    }
}
[[nodiscard]] inline bool is_unsigned_64(ProtobufField::Type type) {
    return type == ProtobufField::Type::uint64 || type == ProtobufField::Type::fixed64;
}
[[nodiscard]] inline double real_of(ProtobufField::Type type, std::uint64_t number) {
    return type == ProtobufField::Type::float32
               ? static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(number)))
               : std::bit_cast<double>(number);
}

/// Whether a string can be part of JSON: is UTF-8.
[[nodiscard]] bool check_text(std::string_view text, WireError& error);

[[nodiscard]] Value text_value(std::string_view text);
[[nodiscard]] Value unsigned_value(std::uint64_t number, Scratch& scratch);
[[nodiscard]] Value label_value(const ProtobufSchema& schema, const ProtobufField& field,
                                std::uint64_t number);

/// A value that is no message. Views the schema, the payload, `scratch`.
[[nodiscard]] inline Value scalar_value(const ProtobufSchema& schema, const ProtobufField& field,
                                        const Piece& piece, Scratch& scratch) {
    using Kind = Value::Kind;
    using Type = ProtobufField::Type;
    switch (field.type) {
        case Type::string:
            return text_value(piece.bytes());
        case Type::bytes:
            return {Kind::bytes, piece.bytes()};
        case Type::float64:
            return Value::of_real(Kind::real64, real_of(field.type, piece.number));
        case Type::float32:
            return Value::of_real(Kind::real32, real_of(field.type, piece.number));
        case Type::uint64:
        case Type::fixed64:
            return unsigned_value(piece.number, scratch);
        case Type::enumeration:
            return label_value(schema, field, piece.number);
        case Type::boolean:
            return Value::of(Kind::boolean, integer_of(field.type, piece.number));
        default:
            return Value::of(Kind::integer, integer_of(field.type, piece.number));
    }
}
/// What stands for a field with Absent::preset when a record lacks it. Views the schema, `scratch`.
[[nodiscard]] Value preset_of(const ProtobufSchema& schema, const ProtobufField& field,
                              Scratch& scratch);

/// The same on the wire, of a field that is no list and no map.
[[nodiscard]] Piece preset_piece(const ProtobufField& field);

/// An entry of a map, whose last key counts and whose messages are merged; zeros for what it lacks.
[[nodiscard]] bool read_entry(const ProtobufMessage& entry, const Piece& piece, Piece& key,
                              std::vector<Piece>& values, WireError& error);

/// Timestamp and Duration.
struct Seconds {
    std::int64_t seconds = 0;
    std::int32_t nanos = 0;
};
inline constexpr std::int32_t nanos_per_second = 1'000'000'000;
inline constexpr std::int64_t longest_duration = 315'576'000'000;  ///< seconds: 10,000 years
/// The same duration, whose seconds and nanoseconds have one sign, as they are to have.
[[nodiscard]] Seconds with_one_sign(Seconds duration);
[[nodiscard]] bool read_seconds(const ProtobufMessage& message, std::span<const Piece> pieces,
                                WireError& error, Seconds& read);
/// Timestamp: rounded down to microseconds.
[[nodiscard]] bool read_instant(const ProtobufMessage& message, std::span<const Piece> pieces,
                                WireError& error, Value& value);
/// Duration: cut to microseconds, as the database's interval has them.
[[nodiscard]] bool read_interval(const ProtobufMessage& message, std::span<const Piece> pieces,
                                 Scratch& scratch, WireError& error, Value& value);
/// The last value of the one field of a wrapper; its zero when there is none.
[[nodiscard]] bool read_wrapped(const ProtobufMessage& wrapper, std::span<const Piece> pieces,
                                WireError& error, Piece& wrapped);

}  // namespace sluice::protobuf
