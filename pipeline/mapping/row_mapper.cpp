#include "pipeline/mapping/row_mapper.h"

#include "config/text/units.h"
#include "pipeline/mapping/record_reader.h"
#include "pipeline/mapping/row_encoder.h"
#include "pipeline/values/canonical_text.h"

#include <algorithm>

namespace sluice {

/// A record with a thousand wrong elements is told by the first few.
constexpr std::size_t enough_reasons = 8;

namespace {

/// As a batch counts them.
std::size_t bytes_of(const TargetRows& rows) {
    return rows.binary.bytes.size() + rows.text.bytes.size() +
           rows.size() * sizeof(EncodedRows::Row);
}

}  // namespace

struct RowMapper::Parts {
    Parts(const config::Ingest& ingest, const Table& table,
          const std::shared_ptr<SchemaSource>& registry)
        : columns(plan_columns(ingest, table)),
          reader(ingest, columns, registry),
          encoder(ingest, columns, table.session_is_utc),
          most_bytes(ingest.batch.bytes),
          values(reader.values()) {
        for (const ColumnPlan& plan : columns) {
            names.push_back(plan.column.name);
            if (plan.in_key) keys.push_back(plan.column.name);
        }
    }

    /// All of the elements' rows or none of them.
    Outcome map_elements(const Record& record, RecordLog::Index index, TargetRows& rows,
                         Rejection& why) {
        const TargetRows::Extent before = rows.extent();
        // Each row has its own copy of what is the record's: a few bytes would become any amount.
        const std::size_t most =
            bytes_of(rows) + std::max(most_bytes, times_the_record * record.value->size());
        std::size_t reasons = 0;
        for (std::size_t number = 0; reader.has_element(); ++number) {
            if (reader.read_element(values, why) == RecordReader::Outcome::values)
                static_cast<void>(encoder.encode(index, of_columns(), Change::upsert, rows, why));
            for (; reasons < why.reasons.size(); ++reasons)
                if (Reason& reason = why.reasons[reasons]; !reason.column.empty())
                    reason.text = "element " + std::to_string(number) + ": " + reason.text;
            if (reasons >= enough_reasons) break;
            if (bytes_of(rows) <= most) continue;
            why.add(RejectCause::invalid, {"", too_much(number + 1)});
            break;
        }
        if (!why.reasons.empty()) {
            rows.cut(before);
            return Outcome::rejected;
        }
        const bool any = rows.size() > before.binary + before.text;
        return any ? Outcome::row : Outcome::filtered;
    }

    [[nodiscard]] std::string too_much(std::size_t elements) const {
        return "the rows of its first " + std::to_string(elements) + " elements are more than " +
               config::format_size(most_bytes) + " (batch.bytes) and " +
               std::to_string(times_the_record) +
               " times the record; raise batch.bytes, or map less of the record into each row";
    }

    /// A table that only grows gets a row for each change.
    [[nodiscard]] Change change() const { return keys.empty() ? Change::upsert : reader.change(); }

    const std::vector<ColumnPlan> columns;
    std::vector<std::string> names;
    std::vector<std::string> keys;
    RecordReader reader;
    RowEncoder encoder;
    std::size_t most_bytes;
    std::vector<Value> values;  // of the latest record: by column, then what conditions ask for

    [[nodiscard]] std::span<Value> of_columns() { return std::span(values).first(columns.size()); }
};

RowMapper::RowMapper(const config::Ingest& ingest, const Table& table,
                     const std::shared_ptr<SchemaSource>& registry)
    : parts_(std::make_unique<Parts>(ingest, table, registry)) {}
RowMapper::~RowMapper() = default;
RowMapper::RowMapper(RowMapper&&) noexcept = default;

const std::vector<std::string>& RowMapper::columns() const {
    return parts_->names;
}

const std::vector<std::string>& RowMapper::key() const {
    return parts_->keys;
}

const std::shared_ptr<const schemas::RowFields>& RowMapper::fields_by_schema() const {
    return parts_->reader.fields_by_schema();
}

CopyForm RowMapper::form() const {
    return parts_->encoder.is_binary() ? CopyForm::binary : CopyForm::text;
}

void RowMapper::set_most_bytes(std::size_t most) {
    parts_->most_bytes = most;
}

RowMapper::Outcome RowMapper::map(RecordLog::Index index, Batch& batch, std::size_t target,
                                  Rejection& why) {
    TargetRows& rows = batch.use(target);
    const Record record = batch.records.at(index);
    switch (parts_->reader.read(record, parts_->values, why)) {
        case RecordReader::Outcome::filtered:
            return Outcome::filtered;
        case RecordReader::Outcome::values:
            if (parts_->reader.change() == Change::truncate) {
                rows.truncations.push_back(index);
                return Outcome::row;
            }
            if (parts_->reader.explodes()) return parts_->map_elements(record, index, rows, why);
            if (parts_->encoder.encode(index, parts_->of_columns(), parts_->change(), rows, why))
                return Outcome::row;
            break;
        case RecordReader::Outcome::rejected:
            break;
    }
    return Outcome::rejected;
}

RowMapper::Outcome RowMapper::map(RecordLog::Index index, Batch& batch) {
    Rejection why;
    const Outcome outcome = map(index, batch, 0, why);
    if (outcome == Outcome::rejected) batch.reject(index, std::move(why.reasons), why.cause);
    return outcome;
}

bool RowMapper::kept_out() const {
    return parts_->reader.kept_out();
}

std::vector<std::optional<std::string>> RowMapper::values_as_text() const {
    std::vector<std::optional<std::string>> texts;
    for (const Value& value : parts_->of_columns()) {
        auto& text = texts.emplace_back();
        if (value.kind > Value::Kind::null) append_canonical_text(text.emplace(), value);
    }
    return texts;
}

}  // namespace sluice
