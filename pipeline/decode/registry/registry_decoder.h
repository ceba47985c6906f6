#pragma once

#include "config/config.h"
#include "pipeline/decode/decoder.h"
#include "pipeline/decode/registry/known_schemas.h"
#include "pipeline/decode/registry/wire_format.h"
#include "schemas/row_fields.h"
#include "schemas/schema_text.h"

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// Reads each payload by the schema that it names. Schemas come from a registry, and stay: the
/// first record of a new one is read by it, wherever it comes.
class RegistryDecoder final : public Decoder {
public:
    struct Options {
        std::shared_ptr<SchemaSource> source;
        schemas::SchemaType type = schemas::SchemaType::avro;  ///< avro or protobuf
        PartOfRecord part = PartOfRecord::value;
        config::OnUnknownSchema on_unknown = config::OnUnknownSchema::stop;
        bool tells_fields = false;  ///< fields_by_schema()
        std::vector<WantedField> wanted;
    };
    explicit RegistryDecoder(Options options);

    /// Throws WrongConfiguration for a schema that the registry does not know, or that is none of
    /// this type that can be read, if that is to stop.
    [[nodiscard]] bool decode(const Payload& payload, std::span<Value> slots,
                              std::vector<Reason>* extra) override;
    [[nodiscard]] const std::shared_ptr<const schemas::RowFields>& fields_by_schema()
        const override {
        return latest_ != nullptr ? latest_->fields : Decoder::fields_by_schema();
    }
    [[nodiscard]] Undecodable error() const override;
    [[nodiscard]] std::vector<std::string> fields_of(const Payload& payload,
                                                     std::size_t most) override;

private:
    /// What became of a schema's message.
    struct Planned {
        std::unique_ptr<Decoder> decoder;  ///< null: see `complaint`
        std::string complaint;
        std::shared_ptr<const schemas::RowFields> fields{};
    };
    /// A schema, and which of its messages.
    using Key = std::pair<SchemaId, std::string>;

    /// Null: see error_. `body` is what is left of the payload.
    Decoder* decoder_for(const Payload& payload, Payload& body);
    /// Null: the registry does not know it.
    const Planned* planned(const SchemaId& id, const NamedMessage& message);
    [[nodiscard]] std::shared_ptr<const schemas::RowFields> row_fields_of(
        const KnownSchemas::Known& schema, const NamedMessage& message) const;
    [[nodiscard]] Planned plan(const KnownSchemas::Known& schema,
                               const NamedMessage& message) const;
    void forget_complaints(std::map<Key, Planned>::const_iterator kept);
    void fail(std::string text);

    const Options options_;
    KnownSchemas schemas_;
    std::map<Key, Planned> plans_;     // one with a decoder stays where it is
    std::size_t complaints_ = 0;       // of those that have none
    const Planned* latest_ = nullptr;  // records of one schema follow each other
    Key latest_key_;                   // the message as the record says it
    const Decoder* failed_ = nullptr;  // whose error it was; null: error_
    Undecodable error_;
};

}  // namespace sluice
