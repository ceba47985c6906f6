#include "pipeline/mapping/row_mapper.h"

#include "pipeline/mapping/record_reader.h"
#include "pipeline/mapping/row_encoder.h"
#include "pipeline/values/canonical_text.h"

namespace sluice {

/// A record with a thousand wrong elements is told by the first few.
constexpr std::size_t enough_reasons = 8;

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

    /// All of the elements' rows or none of them.
    Outcome map_elements(RecordLog::Index index, TargetRows& rows, Rejection& why) {
        const std::size_t binary = rows.binary.rows.size();
        const std::size_t text = rows.text.rows.size();
        std::size_t reasons = 0;
        for (std::size_t number = 0; reader.has_element(); ++number) {
            if (reader.read_element(values, why) == RecordReader::Outcome::values)
                static_cast<void>(encoder.encode(index, of_columns(), Change::upsert, rows, why));
            for (; reasons < why.reasons.size(); ++reasons)
                if (Reason& reason = why.reasons[reasons]; !reason.column.empty())
                    reason.text = "element " + std::to_string(number) + ": " + reason.text;
            if (reasons >= enough_reasons) break;
        }
        if (!why.reasons.empty()) {
            rows.binary.cut(binary);
            rows.text.cut(text);
            return Outcome::rejected;
        }
        const bool any = rows.size() > binary + text;
        return any ? Outcome::row : Outcome::filtered;
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
            if (parts_->reader.change() == Change::truncate) {
                batch.targets.front().truncations.push_back(index);
                return Outcome::row;
            }
            if (parts_->reader.explodes()) {
                const Outcome outcome = parts_->map_elements(index, batch.targets.front(), why);
                if (outcome != Outcome::rejected) return outcome;
            } else if (parts_->encoder.encode(index, parts_->of_columns(), parts_->change(),
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
