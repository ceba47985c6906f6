#pragma once

#include "pipeline/encode/json_tree.h"
#include "pipeline/encode/record_encoder.h"
#include "schemas/avro_schema.h"

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace sluice {

/// Avro's binary encoding, from JSON as AvroDecoder renders it, and as people write it: of a union
/// the branch that takes the value, or the one that {"branch": value} names.
class AvroEncoder final : public RecordEncoder {
public:
    explicit AvroEncoder(std::shared_ptr<const schemas::AvroSchema> schema)
        : schema_(std::move(schema)) {}

    [[nodiscard]] bool encode(std::string_view json, std::string& to) override;

private:
    using Type = schemas::AvroType;

    [[nodiscard]] static bool is_container(const Type& type);
    bool value(const JsonNode& node, std::uint32_t type);
    bool scalar(const JsonNode& node, const Type& type);
    bool number(const JsonNode& node, const Type& type);
    bool bytes(const JsonNode& node, const Type& type);
    bool fixed(const JsonNode& node, const Type& type);
    bool duration(const JsonNode& node);
    bool enumeration(const JsonNode& node, const Type& type);
    bool scaled_decimal(const JsonNode& node, const Type& type);
    bool array(const JsonNode& node, const Type& type);
    bool map(const JsonNode& node, const Type& type);
    bool record(const JsonNode& node, std::uint32_t type);
    bool find_fields(const JsonNode& node, const Type& type);
    bool absent(std::uint32_t record, std::size_t field);
    bool preset(std::uint32_t record, std::size_t field);
    bool unknown_member(const JsonNode& node, const Type& type);
    bool choice(const JsonNode& node, const Type& type);
    bool choice_of_scalar(const JsonNode& node, const Type& type);
    bool choice_of_object(const JsonNode& node, const Type& type);
    bool branch(const JsonNode& node, const Type& type, std::size_t chosen);
    /// The first of a union; nullopt: it has none.
    [[nodiscard]] std::optional<std::size_t> branch_of_kind(const Type& type,
                                                            Type::Kind kind) const;
    /// By which the type takes null; nullopt: it is no union, or none with null.
    [[nodiscard]] std::optional<std::size_t> null_branch(const Type& type) const;
    /// Whether an object has a record's fields, as far as its names tell.
    [[nodiscard]] bool names_fit(const JsonNode& node, const Type& record) const;

    bool refuse(const JsonNode& node, const Type& type, const char* complaint);
    void put(std::int64_t number);
    void put_sized(std::string_view bytes);

    const std::shared_ptr<const schemas::AvroSchema> schema_;
    JsonTree record_;
    std::map<std::pair<std::uint32_t, std::size_t>, std::string> presets_;  // their bytes
    // Of the value at hand.
    const JsonTree* tree_ = nullptr;
    std::string* to_ = nullptr;
    std::vector<const JsonNode*> fields_;  // of the records that are being written
    int depth_ = 0;
    Scratch memory_;
    std::string digits_;
};

}  // namespace sluice
