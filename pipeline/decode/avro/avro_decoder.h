#pragma once

#include "pipeline/decode/avro/avro_plan.h"
#include "pipeline/decode/avro/avro_reader.h"
#include "pipeline/decode/decoder.h"

#include <memory>
#include <string>
#include <vector>

namespace sluice {

/// Finds fields in Avro's binary form, by the schema of their writer.
class AvroDecoder final : public Decoder {
public:
    AvroDecoder(const std::vector<WantedField>& wanted,
                std::shared_ptr<const schemas::AvroSchema> schema)
        : plan_(std::move(schema), wanted) {}

    [[nodiscard]] bool decode(const Payload& payload, std::span<Value> slots,
                              std::vector<Reason>* extra) override;
    [[nodiscard]] Undecodable error() const override;
    [[nodiscard]] std::vector<std::string> fields_of(const Payload& payload,
                                                     std::size_t most) override;

private:
    const AvroPlan plan_;
    AvroReader reader_;
    std::size_t position_ = 0;  // of the latest payload
};

}  // namespace sluice
