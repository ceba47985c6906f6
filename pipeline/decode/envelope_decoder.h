#pragma once

#include "pipeline/decode/decoder.h"
#include "pipeline/decode/envelope_types.h"
#include "pipeline/values/scratch.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// Finds fields in Debezium's change events, which another decoder reads: those of the row from
/// "after", on a delete from "before"; those of the envelope by their own paths. Knows JSON with
/// its schema around it from JSON without, and the flat form that ExtractNewRecordState makes, by
/// its fields __deleted and __op.
class EnvelopeDecoder final : public Decoder {
public:
    using Make = std::function<std::unique_ptr<Decoder>(std::vector<WantedField>)>;
    enum class Around { nothing, schema };
    /// `make`: of the decoder of the events. `around`: whether a schema may stand around them.
    EnvelopeDecoder(std::vector<WantedField> wanted, Around around, config::OnTruncate on_truncate,
                    const Make& make);

    [[nodiscard]] bool decode(const Payload& payload, std::span<Value> slots,
                              std::vector<Reason>* extra) override;
    [[nodiscard]] Change change() const override { return change_; }
    [[nodiscard]] std::optional<std::string_view> as_json() const override {
        return inner_->as_json();
    }
    [[nodiscard]] Undecodable error() const override;
    [[nodiscard]] std::vector<std::string> fields_of(const Payload& payload,
                                                     std::size_t most) override {
        return inner_->fields_of(payload, most);
    }

private:
    using Path = std::vector<std::string>;
    /// The slots of events, at the root or within "payload".
    struct Form {
        std::size_t op = 0;
        std::size_t flat_op = 0;
        std::size_t flat_deleted = 0;
        std::vector<std::size_t> after;   // by wanted field; of the envelope's, its own
        std::vector<std::size_t> before;  // the same
        std::vector<std::size_t> flat;
    };

    std::size_t want(Path path);
    Form want_form(const Path& prefix);
    bool read(const Form& form, std::span<Value> slots);
    bool read_flat(const Form& form, std::span<Value> slots);
    bool read_truncation();
    void fill(const std::vector<std::size_t>& from, std::span<Value> slots);
    void learn(const Value& schema);
    bool fail(std::string text);
    [[nodiscard]] bool is_there(std::size_t slot) const {
        return values_[slot].kind > Value::Kind::null;
    }

    const std::vector<WantedField> wanted_;
    const config::OnTruncate on_truncate_;
    std::vector<WantedField> inner_wanted_;
    Form plain_;
    std::optional<Form> within_;  // JSON that may have its schema around it
    std::size_t schema_ = 0;
    std::size_t payload_ = 0;
    std::unique_ptr<Decoder> inner_;

    std::string known_schema_;                        // that types_ are of
    std::vector<std::optional<EnvelopeType>> types_;  // by wanted field; empty: none known

    // Of the event at hand.
    std::vector<Value> values_;
    Change change_ = Change::upsert;
    std::optional<std::string> complaint_;  // nullopt: the inner one has it
    Scratch scratch_;
};

}  // namespace sluice
