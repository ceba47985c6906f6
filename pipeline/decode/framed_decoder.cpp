#include "pipeline/decode/framed_decoder.h"

#include "pipeline/decode/schema_decoders.h"
#include "pipeline/errors.h"
#include "schemas/bad_schema.h"

namespace sluice {
namespace {

using schemas::SchemaType;

constexpr const char* damaged_message =
    "not in the registry's wire format: which message of its schema it is cannot be read";

std::string_view name_of(SchemaType type) {
    switch (type) {
        case SchemaType::avro:
            return "Avro";
        case SchemaType::protobuf:
            return "Protobuf";
        case SchemaType::json:
            break;
    }
    return "JSON Schema";
}

constexpr std::size_t most_complaints = 64;

/// The same for the same message, however a record spells it.
std::string key_of(const NamedMessage& message) {
    if (!message.name.empty()) return std::string(message.name);
    std::string key;
    for (const std::int32_t index : message.indexes()) key += std::to_string(index) + ',';
    return key;
}

/// What is left of it.
Payload rest_of(const Payload& payload, std::string_view body) {
    const auto skipped = static_cast<std::size_t>(body.data() - payload.bytes.data());
    return {body, payload.headers, payload.position + skipped};
}

}  // namespace

// ---- one decoder for all ----

FramedDecoder::FramedDecoder(std::unique_ptr<Decoder> inner, SchemaType type, PartOfRecord part)
    : inner_(std::move(inner)), type_(type), part_(part) {}

bool FramedDecoder::decode(const Payload& payload, std::span<Value> slots,
                           std::vector<Reason>* extra) {
    Framed framed = unframe(payload, part_);
    complaint_ = type_ == SchemaType::json ? nullptr : framed.complaint;
    if (complaint_ == nullptr && type_ == SchemaType::protobuf && !take_message(framed))
        complaint_ = damaged_message;
    return complaint_ == nullptr && inner_->decode(rest_of(payload, framed.body), slots, extra);
}

Undecodable FramedDecoder::error() const {
    if (complaint_ != nullptr) return {RejectCause::undecodable, complaint_};
    return inner_->error();
}

std::vector<std::string> FramedDecoder::fields_of(const Payload& payload, std::size_t most) {
    Framed framed = unframe(payload, part_);
    if (type_ == SchemaType::protobuf && !take_message(framed)) return {};
    return inner_->fields_of(rest_of(payload, framed.body), most);
}

// ---- a decoder by schema ----

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
        fail("of " + describe(*framed.schema) + ", which the registry does not know");
        return nullptr;
    }
    if (planned->decoder) return planned->decoder.get();
    fail("of " + describe(*framed.schema) + ", which is " + planned->complaint);
    return nullptr;
}

const RegistryDecoder::Planned* RegistryDecoder::planned(const SchemaId& id,
                                                         const NamedMessage& message) {
    if (latest_ != nullptr && latest_key_.first == id && latest_key_.second == message.raw)
        return latest_;
    Key key{id, key_of(message)};
    auto found = plans_.find(key);
    if (found == plans_.end()) {
        const auto schema = options_.source->find(id);
        if (schema == nullptr && options_.on_unknown == config::OnUnknownSchema::dead_letter)
            return nullptr;
        if (schema == nullptr) {
            throw WrongConfiguration(
                "the registry does not know " + describe(id) +
                ": is it the one that the records' writers use? on_unknown_schema = "
                "\"dead_letter\" makes dead letters of such records");
        }
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

RegistryDecoder::Planned RegistryDecoder::plan(const schemas::SchemaText& schema,
                                               const NamedMessage& message) const {
    if (schema.type != options_.type) return {nullptr, std::string(name_of(schema.type))};
    try {
        if (schema.type == SchemaType::avro)
            return {avro_decoder(schema.text, schema.references, options_.wanted), {}};
        const auto indexes = message.indexes();
        return {protobuf_decoder({"schema.proto", schema.text}, schema.references,
                                 {message.name, indexes}, options_.wanted),
                {}};
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
