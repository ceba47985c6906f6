#include "pipeline/decode/avro/avro_decoder.h"

#include <algorithm>

namespace sluice {

bool AvroDecoder::decode(const Payload& payload, std::span<Value> slots,
                         std::vector<Reason>* extra) {
    position_ = payload.position;
    return reader_.read(plan_, payload.bytes, slots, extra);
}

Undecodable AvroDecoder::error() const {
    const AvroReader::Error error = reader_.error();
    return {RejectCause::undecodable, "not valid Avro: " + error.what + " at byte " +
                                          std::to_string(position_ + error.position + 1)};
}

/// The schema's: a record has them all.
std::vector<std::string> AvroDecoder::fields_of(const Payload&, std::size_t most) {
    const schemas::AvroType& root = plan_.schema->of(plan_.schema->root);
    if (root.kind != schemas::AvroType::Kind::record) return {};
    const auto count = static_cast<std::ptrdiff_t>(std::min(most, root.names.size()));
    return {root.names.begin(), root.names.begin() + count};
}

}  // namespace sluice
