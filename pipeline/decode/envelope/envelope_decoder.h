#pragma once

#include "pipeline/decode/decoder.h"
#include "pipeline/decode/envelope/envelope_values.h"
#include "pipeline/decode/envelope/unchanged_value.h"
#include "pipeline/decode/envelope/wanted_types.h"
#include "pipeline/values/scratch.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Finds fields in Debezium's change events, which another decoder reads: those of the row from
/// "after", on a delete from "before"; those of the envelope by their own paths. Knows JSON with
/// its schema around it from JSON without, and the flat form that ExtractNewRecordState makes, by
/// its fields __deleted and __op, whatever else the row has.
class EnvelopeDecoder final : public Decoder {
public:
    using Make = std::function<std::unique_ptr<Decoder>(std::vector<WantedField>)>;
    enum class Around { nothing, schema };
    struct Options {
        Around around = Around::nothing;  ///< whether a schema may stand around events
        config::OnTruncate on_truncate = config::OnTruncate::reject;
        std::string_view unavailable;  ///< see UnchangedMark
    };
    /// `make`: of the decoder of the events.
    EnvelopeDecoder(std::vector<WantedField> wanted, const Options& options, const Make& make);

    [[nodiscard]] bool decode(const Payload& payload, std::span<Value> slots,
                              std::vector<Reason>* extra) override;
    [[nodiscard]] Change change() const override { return change_; }
    [[nodiscard]] std::optional<std::string_view> as_json() const override {
        return inner_->as_json();
    }
    /// JSON's, of the schema that stands around the event.
    [[nodiscard]] const std::shared_ptr<const schemas::RowFields>& fields_by_schema()
        const override {
        if (within_) return types_ != nullptr ? known_types_.fields() : Decoder::fields_by_schema();
        return inner_->fields_by_schema();
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
    [[nodiscard]] bool is_wrapped() const;
    bool read(const Form& form, std::span<Value> slots);
    bool read_flat(const Form& form, std::span<Value> slots);
    bool read_truncation();
    void fill(const std::vector<std::size_t>& from, std::span<Value> slots);
    bool fail(std::string text);
    [[nodiscard]] bool is_there(std::size_t slot) const {
        return values_[slot].kind > Value::Kind::null;
    }
    [[nodiscard]] bool is_flat(const Form& form) const {
        return is_there(form.flat_op) || is_there(form.flat_deleted);
    }

    const std::vector<WantedField> wanted_;
    const config::OnTruncate on_truncate_;
    const UnchangedMark unchanged_;
    std::vector<WantedField> inner_wanted_;
    Form plain_;
    std::optional<Form> within_;  // JSON that may have its schema around it
    std::size_t schema_ = 0;
    std::size_t payload_ = 0;
    std::unique_ptr<Decoder> inner_;

    WantedTypes known_types_;
    EnvelopeValues typed_;

    // Of the event at hand.
    std::vector<Value> values_;
    const WantedTypes::Types* types_ =
        nullptr;  // as the event's own schema says; nullptr: it has none
    Change change_ = Change::upsert;
    std::optional<std::string> complaint_;  // nullopt: the inner one has it
    Scratch scratch_;
};

}  // namespace sluice
