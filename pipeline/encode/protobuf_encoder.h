#pragma once

#include "pipeline/decode/protobuf/protobuf_values.h"
#include "pipeline/encode/json_tree.h"
#include "pipeline/encode/record_encoder.h"

#include <memory>
#include <vector>

namespace sluice {

/// Protobuf's bytes, from JSON as ProtobufDecoder renders it, which is Protobuf's own but for bytes
/// (\x and hexadecimal digits; base64 is read, too).
class ProtobufEncoder final : public RecordEncoder {
public:
    ProtobufEncoder(std::shared_ptr<const schemas::ProtobufSchema> schema, std::uint32_t message)
        : schema_(std::move(schema)), root_(message) {}

    [[nodiscard]] bool encode(std::string_view json, std::string& to) override;

private:
    using Field = schemas::ProtobufField;
    using MessageType = schemas::ProtobufMessage;

    bool message(const JsonNode& node, const MessageType& type);
    bool message_of_meaning(const JsonNode& node, const MessageType& type);
    /// `besides`: a member that is none of the fields; nullptr: all are.
    bool fields(const JsonNode& node, const MessageType& type, const JsonNode* besides = nullptr);
    bool member(const JsonNode& node, const MessageType& type, std::vector<bool>& oneofs);
    bool has_required(const JsonNode& node, const MessageType& type);
    bool field(const JsonNode& node, const Field& field);
    bool list(const JsonNode& node, const Field& field);
    bool map(const JsonNode& node, const Field& field);
    bool single(const JsonNode& node, const Field& field);
    bool number(const JsonNode& node, const Field& field);
    bool scalar(const JsonNode& node, const Field& field);
    bool enumeration(const JsonNode& node, const Field& field);
    bool any_value(const JsonNode& node, const MessageType& type);
    bool any(const JsonNode& node, const MessageType& type);
    bool mask(const JsonNode& node, const MessageType& type);
    bool timestamp(const JsonNode& node);
    bool duration(const JsonNode& node);
    bool put_duration(protobuf::Seconds duration);
    void put_seconds(protobuf::Seconds seconds);
    /// Whether null is a value of the field's, rather than its absence.
    [[nodiscard]] bool takes_null(const Field& field) const;

    bool refuse(const JsonNode& node, std::string_view type, const char* complaint);
    void put_tag(std::uint32_t number, protobuf::WireType type);
    void put_varint(std::uint64_t number);
    void put_sized(std::string_view bytes);
    /// Puts the size of what follows `begin` before it.
    void put_size_at(std::size_t begin);

    const std::shared_ptr<const schemas::ProtobufSchema> schema_;
    const std::uint32_t root_;
    JsonTree tree_;
    std::string* to_ = nullptr;
    int depth_ = 0;
    Scratch memory_;
};

}  // namespace sluice
