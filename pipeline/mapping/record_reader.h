#pragma once

#include "pipeline/decode/decoder.h"
#include "pipeline/decode/registry/schema_source.h"
#include "pipeline/mapping/column_plan.h"
#include "pipeline/mapping/element_reader.h"
#include "pipeline/mapping/record_condition.h"
#include "pipeline/values/scratch.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice {

/// Finds in a record what each column's source names, and what conditions ask for: fields by the
/// decoders of its value and key, the rest around them. One per mapper, used by its thread only;
/// `columns` outlive it.
class RecordReader {
public:
    enum class Outcome { values, filtered, rejected };

    /// `registry`: null where none is configured.
    RecordReader(const config::Ingest& ingest, std::span<const ColumnPlan> columns,
                 const std::shared_ptr<SchemaSource>& registry);

    /// As many values as read() fills: those of the columns, then those that only conditions are
    /// about.
    [[nodiscard]] std::size_t values() const { return sources_.size(); }

    /// `values` become views into the record and into this, valid until the next call.
    /// A truncation has none.
    /// A record that has more than it may is rejected at last, not here: `why` has the reasons.
    /// Throws what Decoder::decode() throws.
    Outcome read(const Record& record, std::span<Value> values, Rejection& why);
    /// Whether an array's elements become rows, and not the record: read() fills what they share.
    [[nodiscard]] bool explodes() const { return elements_.has_value(); }
    /// Whether the record at hand has another one.
    [[nodiscard]] bool has_element() const { return !elements_->at_end(); }
    /// Adds its values to those of the record. Reasons say which element they are about.
    Outcome read_element(std::span<Value> values, Rejection& why);
    /// Of a record that was filtered: whether it is the filter that keeps it out, or, where records
    /// name their tables, that it names another one.
    [[nodiscard]] bool kept_out() const { return kept_out_; }
    /// Decoder::fields_by_schema() of the value; only of formats that have fields.
    [[nodiscard]] const std::shared_ptr<const schemas::RowFields>& fields_by_schema() const {
        return value_->fields_by_schema();
    }
    /// What the record that was read last says of its row.
    [[nodiscard]] Change change() const { return change_; }

private:
    using Truth = RecordCondition::Truth;

    Outcome begin_elements(std::span<const Value> values, Rejection& why);
    [[nodiscard]] Truth keeps_unread(const Record& record, std::span<Value> values, Rejection& why);
    [[nodiscard]] Truth keeps(std::span<const Value> values, Rejection& why);
    [[nodiscard]] Truth keeps(const RecordCondition& filter, std::span<const Value> values,
                              Rejection& why);
    [[nodiscard]] bool names_another(std::span<const Value> of_filter);
    [[nodiscard]] Truth removes(std::span<const Value> values, Rejection& why);
    [[nodiscard]] Truth judge(const RecordCondition& condition, std::span<const Value> fields,
                              Rejection& why);
    bool decode(const Record& record, std::span<Value> values, Rejection& why);
    [[nodiscard]] bool is_empty(std::span<const Value> values) const;
    std::string names_of_fields(const Payload& payload);
    void take_metadata(const Record& record, std::span<Value> values);

    const config::Ingest ingest_;
    const std::span<const ColumnPlan> columns_;
    const std::vector<config::Source> sources_;  // by value
    std::unique_ptr<Decoder> value_;             // null: the value has no fields
    std::unique_ptr<Decoder> key_;               // null: nobody wants the key's
    std::optional<RecordCondition> filter_;
    std::optional<RecordCondition> filter_of_removals_;  // which events tell
    std::optional<RecordCondition> filter_of_record_;    // which explodes: without its elements
    std::optional<RecordCondition> choice_;              // of the filter's first field
    bool filters_first_ = false;  // nothing within the record decides: it need not be decoded
    std::optional<RecordCondition> deletes_;  // its fields stand behind the filter's
    std::optional<ElementReader> elements_;
    std::vector<Value> shared_;             // by the elements of the record at hand
    std::vector<std::size_t> of_metadata_;  // values
    std::vector<std::size_t> of_fields_;    // columns; none where a row may go without
    Change change_ = Change::upsert;        // of the record at hand
    bool kept_out_ = false;                 // the same
    Scratch scratch_;
    std::string buffer_;
};

}  // namespace sluice
