#include "pipeline/mapping/record_reader.h"

#include "pipeline/decode/make_decoder.h"
#include "pipeline/decode/metadata.h"
#include "pipeline/values/characters.h"
#include "pipeline/values/excerpt.h"

#include <algorithm>

namespace sluice {

namespace {

using SourceKind = config::Source::Kind;
using Kind = Value::Kind;

std::vector<WantedField> wanted(std::span<const ColumnPlan> columns,
                                std::initializer_list<SourceKind> kinds) {
    std::vector<WantedField> fields;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (std::ranges::find(kinds, columns[i].source.kind) != kinds.end()) {
            const bool converted = columns[i].as != config::Conversion::none;
            fields.push_back({columns[i].source, i, converted});
        }
    }
    return fields;
}

}  // namespace

RecordReader::RecordReader(const config::Ingest& ingest, std::span<const ColumnPlan> columns,
                           const std::shared_ptr<SchemaSource>& registry)
    : ingest_(ingest),
      columns_(columns),
      value_(make_value_decoder(
          ingest, wanted(columns, {SourceKind::field, SourceKind::position, SourceKind::envelope}),
          registry)),
      key_(make_key_decoder(ingest, wanted(columns, {SourceKind::key_field}), registry)) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (is_metadata(columns[i].source.kind)) of_metadata_.push_back(i);
    }
    const auto takes = [&columns](SourceKind kind) {
        return std::ranges::any_of(
            columns, [kind](const ColumnPlan& plan) { return plan.source.kind == kind; });
    };
    if (ingest.on_empty == config::OnEmpty::load || takes(SourceKind::value)) return;
    if (!takes(SourceKind::field) && !takes(SourceKind::position)) return;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const SourceKind kind = columns[i].source.kind;
        if (!is_metadata(kind) && kind != SourceKind::envelope) of_fields_.push_back(i);
    }
}

/// Whether it would become a row of nothing.
bool RecordReader::is_empty(std::span<const Value> values) const {
    return !of_fields_.empty() && std::ranges::all_of(of_fields_, [values](std::size_t i) {
        return values[i].kind == Kind::missing;
    });
}

/// "it has: "a", "b"", and what may have been meant.
std::string RecordReader::names_of_fields(const Payload& payload) {
    constexpr std::size_t most = 8;
    std::vector<std::string> names = value_->fields_of(payload, most + 1);
    if (names.empty()) return "it has none";
    std::string text = "it has: ";
    for (std::size_t i = 0; i < std::min(names.size(), most); ++i) {
        if (i > 0) text += ", ";
        text += excerpt(names[i]);
    }
    if (names.size() > most) text += ", …";
    for (const std::size_t i : of_fields_) {
        const auto& path = columns_[i].source.path;
        if (path.empty()) continue;
        const auto meant = std::ranges::find_if(
            names, [&path](const std::string& name) { return equal_ignoring_case(name, path[0]); });
        if (meant != names.end()) {
            return text + "; " + excerpt(*meant) + " is not " + excerpt(path[0]) +
                   ": write it so in [columns]";
        }
    }
    return text + "; see [columns] and on_empty";
}

RecordReader::Outcome RecordReader::read(const Record& record, std::span<Value> values,
                                         Rejection& why) {
    const bool removes = !record.value && ingest_.delete_when == config::DeleteWhen::tombstone;
    if (!record.value && value_ && !removes &&
        ingest_.on_tombstone == config::OnTombstone::filter) {
        return Outcome::filtered;
    }
    change_ = removes ? Change::remove : Change::upsert;
    scratch_.clear();
    std::ranges::fill(values, Value{});
    if (!decode(record, values, why)) return Outcome::rejected;
    if (change_ == Change::none) return Outcome::filtered;
    take_metadata(record, values);
    return Outcome::values;
}

/// Fills the values that come from within the record's value and key. False: it cannot be read.
bool RecordReader::decode(const Record& record, std::span<Value> values, Rejection& why) {
    const auto undecodable = [&why](const char* part, const Decoder& decoder) {
        const Undecodable error = decoder.error();
        why.reasons.clear();  // of what seemed to be there
        why.add(error.cause, {"", part + error.text});
        return false;
    };
    const bool removes = change_ == Change::remove;
    if (value_ && !removes) {
        if (!record.value) {
            why.add(RejectCause::tombstone, {"", "the value is NULL; see on_tombstone"});
            return false;
        }
        const bool extra_is_wrong = ingest_.on_extra == config::OnExtra::reject;
        if (!value_->decode({*record.value, record.headers}, values,
                            extra_is_wrong ? &why.reasons : nullptr)) {
            return undecodable("the value is ", *value_);
        }
        if (!why.reasons.empty()) why.cause = RejectCause::extra;
        change_ = value_->change();
    }
    if (change_ == Change::none) return true;
    if (key_ && record.key && !key_->decode({*record.key, record.headers}, values, nullptr)) {
        return undecodable("the key is ", *key_);
    }
    if (removes || !is_empty(values)) return true;
    why.add(RejectCause::missing, {"", "none of the mapped fields is in the record; " +
                                           names_of_fields({*record.value, record.headers})});
    return false;
}

void RecordReader::take_metadata(const Record& record, std::span<Value> values) {
    for (const std::size_t i : of_metadata_) {
        const ColumnPlan& plan = columns_[i];
        values[i] = metadata_of(record, plan.source, ingest_.topic, scratch_, buffer_);
        if (plan.source.kind == SourceKind::value && values[i].kind == Kind::bytes && value_ &&
            plan.column.type != ColumnType::bytea) {
            if (const auto json = value_->as_json()) values[i] = {Kind::json, *json};
        }
    }
}

}  // namespace sluice
