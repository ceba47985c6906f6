#include "pipeline/decode/registry/framed_decoder.h"

namespace sluice {
namespace {

using schemas::SchemaType;

}  // namespace

FramedDecoder::FramedDecoder(std::unique_ptr<Decoder> inner, SchemaType type, PartOfRecord part,
                             std::optional<KnownSchemas> schemas)
    : inner_(std::move(inner)), type_(type), part_(part), schemas_(std::move(schemas)) {}

bool FramedDecoder::take_fields_of(const std::optional<SchemaId>& schema) {
    if (schema == latest_) return true;
    fields_.reset();
    latest_.reset();
    if (!schema) return true;
    const KnownSchemas::Known* const known = schemas_->find(*schema);
    if (known == nullptr) {
        complaint_ = unknown_schema(*schema);
        return false;
    }
    if (!known->complaint.empty()) {
        complaint_ = unfit_schema(*schema, known->complaint);
        return false;
    }
    latest_ = schema;
    fields_ = known->json;
    return true;
}

bool FramedDecoder::decode(const Payload& payload, std::span<Value> slots,
                           std::vector<Reason>* extra) {
    complaint_.clear();
    Framed framed = unframe(payload, part_);
    if (type_ != SchemaType::json && framed.complaint != nullptr) complaint_ = framed.complaint;
    if (complaint_.empty() && type_ == SchemaType::protobuf && !take_message(framed))
        complaint_ = damaged_message;
    if (!complaint_.empty() || (schemas_ && !take_fields_of(framed.schema))) return false;
    return inner_->decode(rest_of(payload, framed.body), slots, extra);
}

Undecodable FramedDecoder::error() const {
    if (!complaint_.empty()) return {RejectCause::undecodable, complaint_};
    return inner_->error();
}

std::vector<std::string> FramedDecoder::fields_of(const Payload& payload, std::size_t most) {
    Framed framed = unframe(payload, part_);
    if (type_ == SchemaType::protobuf && !take_message(framed)) return {};
    return inner_->fields_of(rest_of(payload, framed.body), most);
}

}  // namespace sluice
