#include "pipeline/mapping/row_mapper.h"

#include "pipeline/mapping/record_reader.h"
#include "pipeline/mapping/row_encoder.h"
#include "pipeline/values/canonical_text.h"

namespace sluice {

struct RowMapper::Parts {
    Parts(const config::Ingest& ingest, const Table& table,
          const std::shared_ptr<SchemaSource>& registry)
        : columns(plan_columns(ingest, table)),
          reader(ingest, columns, registry),
          encoder(ingest, columns, table.session_is_utc),
          values(reader.values()) {
        for (const ColumnPlan& plan : columns) {
            names.push_back(plan.column.name);
            if (plan.in_key) keys.push_back(plan.column.name);
        }
    }

    /// A table that only grows gets a row for each change.
    [[nodiscard]] Change change() const { return keys.empty() ? Change::upsert : reader.change(); }

    const std::vector<ColumnPlan> columns;
    std::vector<std::string> names;
    std::vector<std::string> keys;
    RecordReader reader;
    RowEncoder encoder;
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

CopyForm RowMapper::form() const {
    return parts_->encoder.is_binary() ? CopyForm::binary : CopyForm::text;
}

RowMapper::Outcome RowMapper::map(RecordLog::Index index, Batch& batch) {
    Rejection why;
    switch (parts_->reader.read(batch.records.at(index), parts_->values, why)) {
        case RecordReader::Outcome::filtered:
            return Outcome::filtered;
        case RecordReader::Outcome::values:
            if (parts_->encoder.encode(index, parts_->of_columns(), parts_->change(),
                                       batch.targets.front(), why))
                return Outcome::row;
            break;
        case RecordReader::Outcome::rejected:
            break;
    }
    batch.reject(index, std::move(why.reasons), why.cause);
    return Outcome::rejected;
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
