#pragma once

#include "config/config.h"
#include "pipeline/decode/decoder.h"
#include "pipeline/decode/wire_format.h"
#include "schemas/schema_text.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// Takes off what a registry's clients write before the bytes, and has one decoder read the rest,
/// whichever schema they name.
class FramedDecoder final : public Decoder {
public:
    /// `type`: JSON may also come without; of Protobuf, the message's indexes go as well.
    FramedDecoder(std::unique_ptr<Decoder> inner, schemas::SchemaType type, PartOfRecord part);

    [[nodiscard]] bool decode(const Payload& payload, std::span<Value> slots,
                              std::vector<Reason>* extra) override;
    [[nodiscard]] std::optional<std::string_view> as_json() const override {
        return inner_->as_json();
    }
    [[nodiscard]] Undecodable error() const override;
    [[nodiscard]] std::vector<std::string> fields_of(const Payload& payload,
                                                     std::size_t most) override;

private:
    const std::unique_ptr<Decoder> inner_;
    const schemas::SchemaType type_;
    const PartOfRecord part_;
    const char* complaint_ = nullptr;  // null: the inner one has it
};

/// Reads each payload by the schema that it names. Schemas come from a registry, and stay: the
/// first record of a new one is read by it, wherever it comes.
class RegistryDecoder final : public Decoder {
public:
    struct Options {
        std::shared_ptr<SchemaSource> source;
        schemas::SchemaType type = schemas::SchemaType::avro;  ///< avro or protobuf
        PartOfRecord part = PartOfRecord::value;
        config::OnUnknownSchema on_unknown = config::OnUnknownSchema::stop;
        std::vector<WantedField> wanted;
    };
    explicit RegistryDecoder(Options options) : options_(std::move(options)) {}

    /// Throws WrongConfiguration for a schema that the registry does not know, if that is to stop.
    [[nodiscard]] bool decode(const Payload& payload, std::span<Value> slots,
                              std::vector<Reason>* extra) override;
    [[nodiscard]] Undecodable error() const override;
    [[nodiscard]] std::vector<std::string> fields_of(const Payload& payload,
                                                     std::size_t most) override;

private:
    /// What became of a schema.
    struct Planned {
        std::unique_ptr<Decoder> decoder;  ///< null: see `complaint`
        std::string complaint;
    };
    /// A schema, and which of its messages.
    using Key = std::pair<SchemaId, std::string>;

    /// Null: see error_. `body` is what is left of the payload.
    Decoder* decoder_for(const Payload& payload, Payload& body);
    /// Null: the registry does not know it.
    const Planned* planned(const SchemaId& id, const NamedMessage& message);
    [[nodiscard]] Planned plan(const schemas::SchemaText& schema,
                               const NamedMessage& message) const;
    void forget_complaints(std::map<Key, Planned>::const_iterator kept);
    void fail(std::string text);

    const Options options_;
    std::map<Key, Planned> plans_;     // one with a decoder stays where it is
    std::size_t complaints_ = 0;       // of those that have none
    const Planned* latest_ = nullptr;  // records of one schema follow each other
    Key latest_key_;                   // the message as the record says it
    const Decoder* failed_ = nullptr;  // whose error it was; null: error_
    Undecodable error_;
};

}  // namespace sluice
