#include "pipeline/decode/avro_decoder.h"

#include "pipeline/errors.h"

#include <algorithm>

namespace sluice {

AvroDecoder::AvroDecoder(std::vector<WantedField> wanted,
                         std::shared_ptr<const schemas::AvroSchema> schema)
    : wanted_(std::move(wanted)), only_(std::in_place, std::move(schema), wanted_) {}

AvroDecoder::AvroDecoder(std::vector<WantedField> wanted, Registry registry)
    : wanted_(std::move(wanted)), registry_(std::move(registry)) {}

bool AvroDecoder::decode(const Payload& payload, std::span<Value> slots,
                         std::vector<Reason>* extra) {
    std::string_view body = payload.bytes;
    const AvroPlan* const plan = plan_for(payload, body);
    if (plan == nullptr) return false;
    if (reader_.read(*plan, body, slots, extra)) return true;
    const AvroReader::Error error = reader_.error();
    const auto position =
        error.position + static_cast<std::size_t>(body.data() - payload.bytes.data());
    return fail("not valid Avro: " + error.what + " at byte " + std::to_string(position + 1));
}

const AvroPlan* AvroDecoder::plan_for(const Payload& payload, std::string_view& body) {
    if (only_) return &*only_;
    const Framed framed = unframe(payload, registry_.part);
    if (!framed.schema) {
        fail(framed.complaint);
        return nullptr;
    }
    body = framed.body;
    const Planned* const planned = this->planned(*framed.schema);
    if (planned == nullptr) {
        fail("of " + describe(*framed.schema) + ", which the registry does not know");
        return nullptr;
    }
    if (planned->plan) return &*planned->plan;
    fail("of " + describe(*framed.schema) + ", which is " + planned->complaint);
    return nullptr;
}

const AvroDecoder::Planned* AvroDecoder::planned(const SchemaId& id) {
    if (latest_ != nullptr && latest_id_ == id) return latest_;
    auto found = plans_.find(id);
    if (found == plans_.end()) {
        const auto schema = registry_.source->find(id);
        if (schema == nullptr && registry_.on_unknown == OnUnknown::undecodable) return nullptr;
        if (schema == nullptr) {
            throw WrongConfiguration(
                "the registry does not know " + describe(id) +
                ": is it the one that the records' writers use? on_unknown_schema = "
                "\"dead_letter\" makes dead letters of such records");
        }
        found = plans_.emplace(id, make_plan(*schema)).first;
    }
    latest_ = &found->second;
    latest_id_ = id;
    return latest_;
}

AvroDecoder::Planned AvroDecoder::make_plan(const schemas::SchemaText& schema) const {
    if (schema.type != schemas::SchemaType::avro) {
        return {std::nullopt,
                schema.type == schemas::SchemaType::json ? "JSON Schema" : "Protobuf"};
    }
    try {
        auto parsed = std::make_shared<const schemas::AvroSchema>(
            schemas::parse_avro(schema.text, schema.references));
        return {AvroPlan(std::move(parsed), wanted_), {}};
    } catch (const schemas::BadSchema& bad) {
        return {std::nullopt, bad.what()};
    }
}

std::vector<std::string> AvroDecoder::fields_of(const Payload& payload, std::size_t most) {
    std::string_view body;
    const AvroPlan* const plan = plan_for(payload, body);
    if (plan == nullptr) return {};
    const schemas::AvroType& root = plan->schema->of(plan->schema->root);
    if (root.kind != schemas::AvroType::Kind::record) return {};
    const auto count = static_cast<std::ptrdiff_t>(std::min(most, root.names.size()));
    return {root.names.begin(), root.names.begin() + count};
}

bool AvroDecoder::fail(std::string text) {
    error_ = {RejectCause::undecodable, std::move(text)};
    return false;
}

}  // namespace sluice
