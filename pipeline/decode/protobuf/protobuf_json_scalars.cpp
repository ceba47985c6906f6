#include "pipeline/decode/protobuf/protobuf_json_scalars.h"

#include "pipeline/values/hex.h"
#include "pipeline/values/json_text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>

namespace sluice::protobuf {

namespace {

using Type = ProtobufField::Type;

template <class Number>
void append_number(std::string& to, Number number) {
    std::array<char, 32> text;
    to.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
}

template <class Real>
void append_real(std::string& to, Real number) {
    if (std::isfinite(number)) return append_number(to, number);
    to += std::isnan(number) ? "\"NaN\"" : number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
}

void append_integer(std::string& to, Type type, std::uint64_t number) {
    if (is_unsigned_64(type)) return append_number(to, number);
    append_number(to, integer_of(type, number));
}

/// As bytea shows them, and as headers that are no text appear.
void append_bytes(std::string& to, std::string_view bytes) {
    to += "\"\\\\x";
    append_hex(to, bytes);
    to += '"';
}

}  // namespace

bool append_map_key(std::string& to, const ProtobufField& key, const Piece& piece,
                    WireError& error) {
    if (key.type == Type::string) {
        if (!check_text(piece.bytes(), error)) return false;
        to += piece.bytes();
    } else if (key.type == Type::boolean) {
        to += piece.number != 0 ? "true" : "false";
    } else {
        append_integer(to, key.type, piece.number);
    }
    return true;
}

bool append_scalar(std::string& to, const ProtobufSchema& schema, const ProtobufField& field,
                   const Piece& piece, WireError& error) {
    switch (field.type) {
        case Type::string:
            return append_text(to, piece.bytes(), error);
        case Type::bytes:
            append_bytes(to, piece.bytes());
            return true;
        case Type::float64:
            append_real(to, std::bit_cast<double>(piece.number));
            return true;
        case Type::float32:
            append_real(to, std::bit_cast<float>(static_cast<std::uint32_t>(piece.number)));
            return true;
        case Type::boolean:
            to += piece.number != 0 ? "true" : "false";
            return true;
        case Type::enumeration: {
            const auto number = static_cast<std::int32_t>(integer_of(field.type, piece.number));
            const std::string_view label = schema.enumerations[field.content].label_of(number);
            if (!label.empty()) return append_text(to, label, error);
            append_number(to, number);
            return true;
        }
        default:
            append_integer(to, field.type, piece.number);
            return true;
    }
}

bool append_text(std::string& to, std::string_view text, WireError& error) {
    if (!check_text(text, error)) return false;
    json::append_string(to, text);
    return true;
}

void append_path(std::string& to, std::string_view path) {
    const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
    bool is_usual = std::ranges::none_of(path, is_upper);
    for (std::size_t i = 0; i < path.size(); ++i)
        is_usual &= path[i] != '_' || (i + 1 < path.size() && is_lower(path[i + 1]));
    if (!is_usual) {
        to += path;
        return;
    }
    for (std::size_t i = 0; i < path.size(); ++i)
        to += path[i] == '_' ? static_cast<char>(path[++i] - 'a' + 'A') : path[i];
}

}  // namespace sluice::protobuf
