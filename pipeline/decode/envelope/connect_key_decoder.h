#pragma once

#include "pipeline/decode/decoder.h"
#include "pipeline/decode/envelope/envelope_values.h"
#include "pipeline/decode/envelope/wanted_types.h"
#include "pipeline/values/scratch.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sluice {

/// Finds fields in the keys of Debezium's change events as JSON, which another decoder reads: with
/// a schema around it the key is its "payload", of the schema's types.
class ConnectKeyDecoder final : public Decoder {
public:
    using Make = std::function<std::unique_ptr<Decoder>(std::vector<WantedField>)>;
    /// `make`: of the decoder of the keys.
    ConnectKeyDecoder(std::vector<WantedField> wanted, const Make& make);

    [[nodiscard]] bool decode(const Payload& payload, std::span<Value> slots,
                              std::vector<Reason>* extra) override;
    [[nodiscard]] Undecodable error() const override { return inner_->error(); }
    [[nodiscard]] std::vector<std::string> fields_of(const Payload& payload,
                                                     std::size_t most) override {
        return inner_->fields_of(payload, most);
    }

private:
    const std::vector<WantedField> wanted_;
    // Behind them in values_: the same within "payload", then "schema" and "payload" themselves.
    std::unique_ptr<Decoder> inner_;
    WantedTypes types_;
    EnvelopeValues typed_;

    // Of the key at hand.
    std::vector<Value> values_;
    Scratch scratch_;
};

}  // namespace sluice
