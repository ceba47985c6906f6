#include "pipeline/encode/protobuf_encoder.h"

#include "config/text/characters.h"
#include "pipeline/encode/read_values.h"
#include "pipeline/encode/write_bytes.h"
#include "pipeline/values/civil_time.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>

namespace sluice {

namespace {

using encode::Complaint;
using protobuf::WireType;
using schemas::ProtobufField;
using schemas::ProtobufMessage;
using NodeKind = JsonNode::Kind;

std::string_view name_of_type(ProtobufField::Type type) {
    constexpr std::array<std::string_view, 19> names = {
        "",        "double",   "float",    "int64",  "uint64",  "int32", "fixed64",
        "fixed32", "bool",     "string",   "group",  "message", "bytes", "uint32",
        "enum",    "sfixed32", "sfixed64", "sint32", "sint64"};
    return names[static_cast<std::size_t>(type)];
}

/// The enumeration whose only label JSON has as null.
bool is_null_value(const schemas::ProtobufEnumeration& type) {
    return type.name == "google.protobuf.NullValue";
}

}  // namespace

bool ProtobufEncoder::encode(std::string_view json, std::string& to) {
    if (!tree_.read(json)) return fail("not JSON: " + tree_.error());
    const std::size_t size = to.size();
    to_ = &to;
    depth_ = 0;
    memory_.clear();
    if (message(tree_.root(), schema_->messages[root_])) return true;
    to.resize(size);
    say_where();
    return false;
}

bool ProtobufEncoder::message(const JsonNode& node, const MessageType& type) {
    if (type.meaning != MessageType::Meaning::plain) return message_of_meaning(node, type);
    if (node.kind != NodeKind::object) return refuse(node, type.name, "is not an object");
    return fields(node, type);
}

bool ProtobufEncoder::fields(const JsonNode& node, const MessageType& type,
                             const JsonNode* besides) {
    std::vector<bool> oneofs(type.oneofs, false);
    for (auto* each = tree_.first_of(node); each != nullptr; each = tree_.behind(*each))
        if (each != besides && !member(*each, type, oneofs)) return fail_in(each->name);
    return has_required(node, type);
}

bool ProtobufEncoder::member(const JsonNode& node, const MessageType& type,
                             std::vector<bool>& oneofs) {
    const Field* const found = type.field_called(node.name);
    if (found == nullptr) return fail(type.name + " has no such field");
    if (node.kind == NodeKind::null && !takes_null(*found)) return true;
    if (found->oneof >= 0) {
        const auto oneof = static_cast<std::size_t>(found->oneof);
        if (oneofs[oneof]) return fail("a second member of its oneof");
        oneofs[oneof] = true;
    }
    return field(node, *found);
}

bool ProtobufEncoder::has_required(const JsonNode& node, const MessageType& type) {
    for (const Field& each : type.fields) {
        if (each.absent != Field::Absent::refused) continue;
        const JsonNode* found = tree_.member(node, each.name);
        if (found == nullptr) found = tree_.member(node, each.json_name);
        if (found != nullptr && found->kind != NodeKind::null) continue;
        fail("missing, and the schema requires it");
        return fail_in(each.name);
    }
    return true;
}

bool ProtobufEncoder::takes_null(const Field& field) const {
    if (field.count != Field::Count::one) return false;
    if (field.type == Field::Type::enumeration)
        return is_null_value(schema_->enumerations[field.content]);
    return protobuf::is_message(field.type) &&
           schema_->messages[field.content].meaning == MessageType::Meaning::value;
}

bool ProtobufEncoder::field(const JsonNode& node, const Field& field) {
    if (field.count == Field::Count::many) return list(node, field);
    if (field.count == Field::Count::map) return map(node, field);
    return single(node, field);
}

/// Numbers in one piece, as all readers take them.
bool ProtobufEncoder::list(const JsonNode& node, const Field& field) {
    if (node.kind != NodeKind::array) return refuse(node, "repeated", "is not an array");
    const WireType usual = protobuf::wire_type_of(field.type);
    const bool packs = usual != WireType::bytes && usual != WireType::group;
    const JsonNode* each = tree_.first_of(node);
    if (each == nullptr) return true;
    std::size_t begin = 0;
    if (packs) put_tag(field.number, WireType::bytes);
    if (packs) begin = to_->size();
    for (std::size_t at = 0; each != nullptr; each = tree_.behind(*each), ++at) {
        if (!(packs ? scalar(*each, field) : single(*each, field)))
            return fail_in(std::to_string(at));
    }
    if (packs) put_size_at(begin);
    return true;
}

bool ProtobufEncoder::map(const JsonNode& node, const Field& field) {
    if (node.kind != NodeKind::object) return refuse(node, "map", "is not an object");
    const MessageType& entry = schema_->messages[field.content];
    for (auto* each = tree_.first_of(node); each != nullptr; each = tree_.behind(*each)) {
        JsonNode key;
        key.kind = NodeKind::string;
        key.text = each->name;
        put_tag(field.number, WireType::bytes);
        const std::size_t begin = to_->size();
        if (!single(key, entry.fields[0]) || !single(*each, entry.fields[1]))
            return fail_in(each->name);
        put_size_at(begin);
    }
    return true;
}

/// With its tag.
bool ProtobufEncoder::single(const JsonNode& node, const Field& field) {
    const WireType usual = protobuf::wire_type_of(field.type);
    put_tag(field.number, usual);
    if (!protobuf::is_message(field.type)) return scalar(node, field);
    const std::size_t begin = to_->size();
    if (++depth_ > protobuf::deepest) return fail(protobuf::too_deep);
    if (!message(node, schema_->messages[field.content])) return false;
    --depth_;
    if (usual == WireType::group) {
        constexpr std::uint32_t end_of_group = 4;
        put_varint(std::uint64_t{field.number} << 3 | end_of_group);
    } else {
        put_size_at(begin);
    }
    return true;
}

/// Without its tag.
bool ProtobufEncoder::scalar(const JsonNode& node, const Field& field) {
    using Type = Field::Type;
    Complaint wrong = nullptr;
    switch (field.type) {
        case Type::float64: {
            double real = 0;
            wrong = encode::read_real(node, real);
            encode::append_little_endian(*to_, real);
            break;
        }
        case Type::float32: {
            float real = 0;
            wrong = encode::read_real(node, real);
            encode::append_little_endian(*to_, real);
            break;
        }
        case Type::boolean: {
            bool yes = false;
            wrong = encode::read_boolean(node, yes);
            put_varint(yes ? 1 : 0);
            break;
        }
        case Type::string:
            if (node.kind != NodeKind::string) wrong = "is not a string";
            put_sized(node.text);
            break;
        case Type::bytes: {
            std::string_view bytes;
            wrong = encode::read_bytes(node, encode::OtherBytes::base64, memory_, bytes);
            put_sized(bytes);
            break;
        }
        case Type::enumeration:
            return enumeration(node, field);
        default:
            return number(node, field);
    }
    return wrong == nullptr || refuse(node, name_of_type(field.type), wrong);
}

bool ProtobufEncoder::number(const JsonNode& node, const Field& field) {
    using Type = Field::Type;
    const Type type = field.type;
    const bool is_unsigned = type == Type::uint32 || type == Type::uint64 ||
                             type == Type::fixed32 || type == Type::fixed64;
    const bool is_narrow = type == Type::int32 || type == Type::uint32 || type == Type::sint32 ||
                           type == Type::fixed32 || type == Type::sfixed32;
    std::int64_t number = 0;
    std::uint64_t raw = 0;
    Complaint wrong =
        is_unsigned ? encode::read_unsigned(node, raw) : encode::read_integer(node, number);
    const bool fits = is_unsigned ? raw == static_cast<std::uint32_t>(raw)
                                  : number == static_cast<std::int32_t>(number);
    if (wrong == nullptr && is_narrow && !fits) wrong = "is out of range";
    if (wrong != nullptr) return refuse(node, name_of_type(type), wrong);
    if (!is_unsigned) raw = static_cast<std::uint64_t>(number);
    switch (protobuf::wire_type_of(type)) {
        case WireType::fixed32:
            encode::append_little_endian(*to_, static_cast<std::uint32_t>(raw));
            return true;
        case WireType::fixed64:
            encode::append_little_endian(*to_, raw);
            return true;
        default:
            break;
    }
    const bool zigzags = type == Type::sint32 || type == Type::sint64;
    put_varint(zigzags ? encode::zigzag(number) : raw);
    return true;
}

bool ProtobufEncoder::enumeration(const JsonNode& node, const Field& field) {
    const auto& type = schema_->enumerations[field.content];
    std::int64_t number = 0;
    if (node.kind == NodeKind::string) {
        const auto label =
            std::ranges::find(type.labels, node.text, &schemas::ProtobufEnumeration::Label::name);
        if (label == type.labels.end())
            return refuse(node, type.name, "is none of the enum's labels");
        number = label->number;
    } else if (node.kind != NodeKind::null || !is_null_value(type)) {
        const Complaint wrong = encode::read_integer(node, number);
        if (wrong != nullptr || number != static_cast<std::int32_t>(number))
            return refuse(node, type.name, "is none of the enum's labels");
    }
    put_varint(static_cast<std::uint64_t>(number));
    return true;
}

bool ProtobufEncoder::refuse(const JsonNode& node, std::string_view type, const char* complaint) {
    return fail(shown(node) + " " + complaint + " (" + std::string(type) + ")");
}

void ProtobufEncoder::put_tag(std::uint32_t number, WireType type) {
    put_varint(std::uint64_t{number} << 3 | static_cast<std::uint64_t>(type));
}

void ProtobufEncoder::put_varint(std::uint64_t number) {
    encode::append_varint(*to_, number);
}

void ProtobufEncoder::put_sized(std::string_view bytes) {
    put_varint(bytes.size());
    *to_ += bytes;
}

void ProtobufEncoder::put_size_at(std::size_t begin) {
    std::array<char, encode::longest_varint> size;
    const char* const end = encode::put_varint(size.data(), to_->size() - begin);
    to_->insert(begin, size.data(), static_cast<std::size_t>(end - size.data()));
}

}  // namespace sluice
