#pragma once

#include "pipeline/decode/decoder.h"
#include "pipeline/decode/registry/known_schemas.h"
#include "pipeline/decode/registry/wire_format.h"
#include "schemas/row_fields.h"
#include "schemas/schema_text.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice {

/// Takes off what a registry's clients write before the bytes, and has one decoder read the rest,
/// whichever schema they name.
class FramedDecoder final : public Decoder {
public:
    /// `type`: JSON may also come without; of Protobuf, the message's indexes go as well.
    /// `schemas`: JSON's, where fields_by_schema() is to tell: a record that names one that they do
    /// not have is undecodable.
    FramedDecoder(std::unique_ptr<Decoder> inner, schemas::SchemaType type, PartOfRecord part,
                  std::optional<KnownSchemas> schemas = std::nullopt);

    [[nodiscard]] bool decode(const Payload& payload, std::span<Value> slots,
                              std::vector<Reason>* extra) override;
    [[nodiscard]] std::optional<std::string_view> as_json() const override {
        return inner_->as_json();
    }
    [[nodiscard]] const std::shared_ptr<const schemas::RowFields>& fields_by_schema()
        const override {
        return fields_;
    }
    [[nodiscard]] Undecodable error() const override;
    [[nodiscard]] std::vector<std::string> fields_of(const Payload& payload,
                                                     std::size_t most) override;

private:
    /// False: see complaint_. Throws what KnownSchemas::find() throws.
    bool take_fields_of(const std::optional<SchemaId>& schema);

    const std::unique_ptr<Decoder> inner_;
    const schemas::SchemaType type_;
    const PartOfRecord part_;
    std::optional<KnownSchemas> schemas_;
    std::optional<SchemaId> latest_;
    std::shared_ptr<const schemas::RowFields> fields_;  // of the latest
    std::string complaint_;                             // empty: the inner one has it
};

}  // namespace sluice
