#include "pipeline/mapping/row_mapper.h"

#include "pipeline/decode/csv_decoder.h"
#include "pipeline/decode/json_decoder.h"
#include "pipeline/decode/json_text.h"
#include "pipeline/decode/metadata.h"
#include "pipeline/mapping/column_plan.h"
#include "pipeline/values/binary_copy.h"
#include "pipeline/values/conversion.h"
#include "pipeline/values/copy_text.h"
#include "pipeline/values/excerpt.h"
#include "pipeline/values/hex.h"
#include "pipeline/values/text_value.h"

#include <algorithm>
#include <chrono>
#include <optional>

namespace sluice {

namespace {

constexpr auto null_value = "the value is NULL; see on_tombstone";

using config::Conversion;
using config::Format;
using SourceKind = config::Source::Kind;
using Kind = Value::Kind;

std::vector<JsonDecoder::Wanted> wanted(const std::vector<ColumnPlan>& columns, SourceKind kind) {
    std::vector<JsonDecoder::Wanted> paths;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (columns[i].source.kind == kind) paths.push_back({columns[i].source.path, i});
    }
    return paths;
}

JsonDecoder::Root root_of(const std::vector<ColumnPlan>& columns) {
    for (const ColumnPlan& plan : columns) {
        if (plan.source.kind == SourceKind::field) return JsonDecoder::Root::object;
    }
    return JsonDecoder::Root::anything;
}

}  // namespace

struct RowMapper::Plan {
    Plan(const config::Ingest& ingest, const Table& table)
        : config(ingest),
          columns(plan_columns(ingest, table)),
          json(wanted(columns, SourceKind::field), root_of(columns)),
          key(wanted(columns, SourceKind::key_field), JsonDecoder::Root::anything),
          csv(ingest.csv),
          values(columns.size()) {
        judge.session_is_utc = table.session_is_utc;
        for (std::size_t i = 0; i < columns.size(); ++i) {
            names.push_back(columns[i].column.name);
            if (!has_binary_form(columns[i].column)) form = CopyForm::text;
            if (columns[i].source.kind == SourceKind::key_field) reads_key = true;
            if (is_metadata(columns[i].source.kind)) of_metadata.push_back(i);
            if (columns[i].source.kind == SourceKind::position) {
                positions =
                    std::max(positions, static_cast<std::size_t>(columns[i].source.position));
            }
        }
    }

    Outcome map(const Record& record, RecordLog::Index index, Batch& batch);
    bool decode(const Record& record);
    void take_metadata(const Record& record);
    bool encode_row(RecordLog::Index index, TargetRows& rows);
    Verdict encode_value(const ColumnPlan& plan, Value& value, std::string& out);
    Verdict append_null(const ColumnPlan& plan, std::string& out);
    Verdict invalid(const ColumnPlan& plan, Value& value, std::string& out);
    std::string complaint(const Value& value) const;
    Value default_of(const ColumnPlan& plan);
    const char* prepare(const ColumnPlan& plan, Value& value);
    static void take_json(Value& value);
    const char* take_json_text(const ColumnPlan& plan, Value& value);
    const char* take_array(const ColumnPlan& plan, Value& value);
    const char* take_text(const ColumnPlan& plan, Value& value);
    bool reject(std::string text, RejectCause why);

    const config::Ingest config;
    const std::vector<ColumnPlan> columns;
    std::vector<std::string> names;
    CopyForm form = CopyForm::binary;
    bool reads_key = false;
    std::vector<std::size_t> of_metadata;  // columns
    std::size_t positions = 0;             // CSV fields that some column takes

    // Scratch, kept from record to record.
    JsonDecoder json;
    JsonDecoder key;
    CsvDecoder csv;
    std::vector<Value> values;  // by column
    std::vector<Value> fields;  // of CSV
    std::vector<Reason> reasons;
    RejectCause cause = RejectCause::invalid;  // of the first of them
    Scratch scratch;
    Judge judge;
    std::string buffer;
    std::string checked;  // binary fields that are only made to judge the values
};

/// The record as a whole.
bool RowMapper::Plan::reject(std::string text, RejectCause why) {
    if (reasons.empty()) cause = why;
    reasons.push_back({"", std::move(text)});
    return false;
}

RowMapper::Outcome RowMapper::Plan::map(const Record& record, RecordLog::Index index,
                                        Batch& batch) {
    const bool is_document = config.format == Format::json || config.format == Format::csv;
    if (!record.value && is_document && config.on_tombstone == config::OnTombstone::filter) {
        return Outcome::filtered;
    }
    reasons.clear();
    scratch.clear();
    for (Value& value : values) value = {};
    if (decode(record)) {
        // What can be read, and is wrong all the same, has more than the columns take.
        if (!reasons.empty()) cause = RejectCause::extra;
        take_metadata(record);
        if (encode_row(index, batch.targets.front())) return Outcome::row;
    }
    batch.reject(index, std::move(reasons), cause);
    return Outcome::rejected;
}

/// Fills the values that come from within the record's value and key. False: it cannot be read.
bool RowMapper::Plan::decode(const Record& record) {
    const bool extra_is_wrong = config.on_extra == config::OnExtra::reject;
    if (config.format == Format::json) {
        if (!record.value) return reject(null_value, RejectCause::tombstone);
        if (!json.decode(*record.value, values, extra_is_wrong ? &reasons : nullptr)) {
            return reject("the value is not valid JSON: " + json::describe(json.error()),
                          RejectCause::undecodable);
        }
    } else if (config.format == Format::csv) {
        if (!record.value) return reject(null_value, RejectCause::tombstone);
        if (!csv.decode(*record.value, fields, scratch)) {
            return reject("the value is not valid CSV: " + std::string(csv.error().what) +
                              " at byte " + std::to_string(csv.error().position + 1),
                          RejectCause::undecodable);
        }
        if (extra_is_wrong && fields.size() > positions) {
            reject("the record has " + std::to_string(fields.size()) +
                       " fields, no column takes those after " + std::to_string(positions),
                   RejectCause::extra);
        }
        for (std::size_t i = 0; i < columns.size(); ++i) {
            if (columns[i].source.kind != SourceKind::position) continue;
            const auto field = static_cast<std::size_t>(columns[i].source.position) - 1;
            if (field < fields.size()) values[i] = fields[field];
        }
    }
    if (!reads_key || !record.key) return true;
    if (key.decode(*record.key, values, nullptr)) return true;
    return reject("the key is not valid JSON: " + json::describe(key.error()),
                  RejectCause::undecodable);
}

void RowMapper::Plan::take_metadata(const Record& record) {
    for (const std::size_t i : of_metadata) {
        values[i] = metadata_of(record, columns[i].source, config.topic, scratch, buffer);
        // What the decoder has accepted need not be checked again.
        if (columns[i].source.kind == SourceKind::value && values[i].kind == Kind::bytes &&
            config.format == Format::json && columns[i].column.type != ColumnType::bytea)
            values[i].kind = Kind::json;
    }
}

/// Judges all values and appends the row in the form that fits; nothing of it when one is invalid.
bool RowMapper::Plan::encode_row(RecordLog::Index index, TargetRows& rows) {
    const bool binary = form == CopyForm::binary;
    if (!binary) checked.clear();
    std::string& out = binary ? rows.binary.bytes : checked;
    const std::size_t begin = out.size();
    bool as_text = !binary;
    binary_copy::append_column_count(out, columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i) {
        switch (encode_value(columns[i], values[i], out)) {
            case Verdict::encoded:
                break;
            case Verdict::database:
                as_text = true;
                break;
            case Verdict::invalid:
                if (reasons.empty()) {
                    cause =
                        values[i].kind <= Kind::null ? RejectCause::missing : RejectCause::invalid;
                }
                reasons.push_back({names[i], complaint(values[i])});
                break;
        }
    }
    if (!reasons.empty()) {
        out.resize(begin);
        return false;
    }
    if (as_text) {
        out.resize(begin);
        copy_text::append_row(rows.text.bytes, values);
        rows.text.rows.push_back({.record = index, .end = rows.text.bytes.size()});
    } else {
        rows.binary.rows.push_back({.record = index, .end = out.size()});
    }
    return true;
}

/// Makes the value what its column shall hold, and appends it.
Verdict RowMapper::Plan::encode_value(const ColumnPlan& plan, Value& value, std::string& out) {
    if (value.kind <= Kind::null) {
        const bool missing = value.kind == Kind::missing;
        value = default_of(plan);
        if (missing && value.kind == Kind::null && config.on_missing == config::OnMissing::reject) {
            return judge.refuse(plan.source.text + " is missing");
        }
    } else if (const char* why = prepare(plan, value)) {
        judge.complaint = why;
        return invalid(plan, value, out);
    }
    if (value.kind == Kind::null) return append_null(plan, out);
    const std::size_t begin = out.size();
    const Verdict verdict = plan.encode(value, plan.column, judge, out);
    if (verdict != Verdict::invalid) return verdict;
    out.resize(begin);
    return invalid(plan, value, out);
}

Verdict RowMapper::Plan::append_null(const ColumnPlan& plan, std::string& out) {
    if (plan.column.not_null) return judge.refuse("null in a column that is not null");
    binary_copy::append_null(out);
    return Verdict::encoded;
}

/// The judge's complaint stands, unless such values are to become NULL.
Verdict RowMapper::Plan::invalid(const ColumnPlan& plan, Value& value, std::string& out) {
    if (config.on_invalid == config::OnInvalid::reject) return Verdict::invalid;
    value = {Kind::null, {}};
    return append_null(plan, out);
}

/// The judge's complaint, with what was found.
std::string RowMapper::Plan::complaint(const Value& value) const {
    return value.kind <= Kind::null ? judge.complaint : excerpt(value.text) + " " + judge.complaint;
}

Value RowMapper::Plan::default_of(const ColumnPlan& plan) {
    switch (plan.has_default) {
        case ColumnPlan::Default::none:
            return {Kind::null, {}};
        case ColumnPlan::Default::text:
            return {Kind::text, plan.default_text};
        case ColumnPlan::Default::now:
            break;
    }
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    return plan.column.type == ColumnType::time ? time_value(now.count(), scratch)
                                                : timestamp_value(now.count(), 0, scratch);
}

/// Turns what was found into a value that encoders know: text, json or bytes. Returns a complaint
/// when it cannot be that.
const char* RowMapper::Plan::prepare(const ColumnPlan& plan, Value& value) {
    if (plan.as == Conversion::none) {
        if (plan.takes_json() && value.kind >= Kind::json) {
            take_json(value);
            return nullptr;
        }
        if (value.kind == Kind::json_array && plan.column.type == ColumnType::array) {
            return take_array(plan, value);
        }
        return take_text(plan, value);
    }
    if (plan.as == Conversion::json) return take_json_text(plan, value);
    if (value.kind == Kind::bytes) {
        value.kind = Kind::text;  // the conversions accept ASCII only
    } else if (const char* why = take_text(plan, value)) {
        return why;
    }
    const Converted converted = convert(value.text, plan.as, scratch);
    if (converted.complaint != nullptr) return converted.complaint;
    value = converted.value;
    return take_text(plan, value);
}

/// A field's JSON, as JSON.
void RowMapper::Plan::take_json(Value& value) {
    if (value.kind == Kind::json_string) {  // with its quotes
        value.text = {value.text.data() - 1, value.text.size() + 2};
    }
    value.kind = Kind::json;
}

/// A string whose content is JSON, or JSON that stands there itself.
const char* RowMapper::Plan::take_json_text(const ColumnPlan& plan, Value& value) {
    const bool itself = value.kind > Kind::json_string;
    if (!itself) {
        if (const char* why = take_text(plan, value)) return why;
        if (json::check(value.text, judge.json)) return "is not JSON";
    }
    const std::size_t first = value.text.find_first_not_of(" \t\r\n");
    if (plan.column.type == ColumnType::array && value.text[first] == '[') {
        value.text.remove_prefix(first);
        return take_array(plan, value);
    }
    value.kind = plan.takes_json() ? Kind::json : Kind::text;
    return nullptr;
}

const char* RowMapper::Plan::take_array(const ColumnPlan& plan, Value& value) {
    const json::Unescaped literal = json::array_literal(value.text, plan.elements, scratch, buffer);
    if (literal.complaint != nullptr) return literal.complaint;
    value = {Kind::text, literal.text};
    return nullptr;
}

const char* RowMapper::Plan::take_text(const ColumnPlan& plan, Value& value) {
    if (value.kind == Kind::bytes) {
        if (plan.column.type == ColumnType::bytea) return nullptr;
        if (const char* why = complaint_of_text(value.text)) return why;
    } else if (value.kind == Kind::json_string && value.escaped) {
        const json::Unescaped content = json::unescape(value.text, scratch);
        if (content.complaint != nullptr) return content.complaint;
        value.text = content.text;
    }
    value.kind = Kind::text;
    return nullptr;
}

RowMapper::RowMapper(const config::Ingest& ingest, const Table& table)
    : plan_(std::make_unique<Plan>(ingest, table)) {}
RowMapper::~RowMapper() = default;
RowMapper::RowMapper(RowMapper&&) noexcept = default;

const std::vector<std::string>& RowMapper::columns() const {
    return plan_->names;
}

CopyForm RowMapper::form() const {
    return plan_->form;
}

RowMapper::Outcome RowMapper::map(RecordLog::Index index, Batch& batch) {
    return plan_->map(batch.records.at(index), index, batch);
}

std::vector<std::optional<std::string>> RowMapper::values_as_text() const {
    std::vector<std::optional<std::string>> texts;
    for (const Value& value : plan_->values) {
        if (value.kind <= Kind::null) {
            texts.emplace_back();
        } else if (value.kind == Kind::bytes) {
            texts.emplace_back(bytea_text(value.text));
        } else {
            texts.emplace_back(value.text);
        }
    }
    return texts;
}

}  // namespace sluice
