#include "pipeline/decode/registry/registry_decoder.h"

#include "pipeline/decode/schema_decoders.h"
#include "schemas/bad_schema.h"

namespace sluice {
namespace {

using schemas::SchemaType;

constexpr std::size_t most_complaints = 64;

/// The same for the same message, however a record spells it.
std::string key_of(const NamedMessage& message) {
    if (!message.name.empty()) return std::string(message.name);
    std::string key;
    for (const std::int32_t index : message.indexes()) key += std::to_string(index) + ',';
    return key;
}

}  // namespace

RegistryDecoder::RegistryDecoder(Options options)
    : options_(std::move(options)),
      schemas_({.source = options_.source,
                .type = options_.type,
                .on_unknown = options_.on_unknown,
                .tells_fields = options_.tells_fields}) {}

bool RegistryDecoder::decode(const Payload& payload, std::span<Value> slots,
                             std::vector<Reason>* extra) {
    Payload body;
    Decoder* const decoder = decoder_for(payload, body);
    if (decoder == nullptr) return false;
    failed_ = decoder;
    return decoder->decode(body, slots, extra);
}

Decoder* RegistryDecoder::decoder_for(const Payload& payload, Payload& body) {
    Framed framed = unframe(payload, options_.part);
    if (!framed.schema) {
        fail(framed.complaint);
        return nullptr;
    }
    NamedMessage message;
    if (options_.type == SchemaType::protobuf) {
        auto named = take_message(framed);
        if (!named) {
            fail(damaged_message);
            return nullptr;
        }
        message = *named;
    }
    body = rest_of(payload, framed.body);
    const Planned* const planned = this->planned(*framed.schema, message);
    if (planned == nullptr) {
        fail(unknown_schema(*framed.schema));
        return nullptr;
    }
    if (planned->decoder) return planned->decoder.get();
    fail(unfit_schema(*framed.schema, planned->complaint));
    return nullptr;
}

const RegistryDecoder::Planned* RegistryDecoder::planned(const SchemaId& id,
                                                         const NamedMessage& message) {
    if (latest_ != nullptr && latest_key_.first == id && latest_key_.second == message.raw)
        return latest_;
    Key key{id, key_of(message)};
    auto found = plans_.find(key);
    if (found == plans_.end()) {
        const KnownSchemas::Known* const schema = schemas_.find(id);
        if (schema == nullptr) return nullptr;
        found = plans_.emplace(std::move(key), plan(*schema, message)).first;
        if (found->second.decoder == nullptr) forget_complaints(found);
    }
    latest_ = &found->second;
    latest_key_ = {id, std::string(message.raw)};
    return latest_;
}

/// Messages that no schema has are as many as records may name.
void RegistryDecoder::forget_complaints(std::map<Key, Planned>::const_iterator kept) {
    if (++complaints_ <= most_complaints) return;
    complaints_ = 1;
    for (auto at = plans_.cbegin(); at != plans_.cend();) {
        at = at->second.decoder == nullptr && at != kept ? plans_.erase(at) : std::next(at);
    }
}

/// Null: nobody asks, or it says nothing of rows.
std::shared_ptr<const schemas::RowFields> RegistryDecoder::row_fields_of(
    const KnownSchemas::Known& schema, const NamedMessage& message) const {
    if (schema.text == nullptr) return nullptr;
    std::string name(message.name);
    if (schema.protobuf != nullptr && name.empty()) {
        const auto indexes = message.indexes();
        const auto found = schema.protobuf->message_at(indexes);
        if (!found) return nullptr;
        name = schema.protobuf->messages[*found].name;
    }
    return std::make_shared<const schemas::RowFields>(schemas::row_fields(*schema.text, name));
}

RegistryDecoder::Planned RegistryDecoder::plan(const KnownSchemas::Known& schema,
                                               const NamedMessage& message) const {
    if (!schema.complaint.empty()) return {nullptr, schema.complaint};
    if (schema.avro != nullptr)
        return {avro_decoder(schema.avro, options_.wanted), {}, row_fields_of(schema, message)};
    try {
        const auto indexes = message.indexes();
        return {protobuf_decoder(schema.protobuf, {message.name, indexes}, options_.wanted),
                {},
                row_fields_of(schema, message)};
    } catch (const schemas::BadSchema& bad) {
        return {nullptr, bad.what()};
    }
}

Undecodable RegistryDecoder::error() const {
    return failed_ != nullptr ? failed_->error() : error_;
}

std::vector<std::string> RegistryDecoder::fields_of(const Payload& payload, std::size_t most) {
    Payload body;
    Decoder* const decoder = decoder_for(payload, body);
    return decoder == nullptr ? std::vector<std::string>() : decoder->fields_of(body, most);
}

void RegistryDecoder::fail(std::string text) {
    failed_ = nullptr;
    error_ = {RejectCause::undecodable, std::move(text)};
}

}  // namespace sluice
