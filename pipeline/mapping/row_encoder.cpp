#include "pipeline/mapping/row_encoder.h"

#include "config/text/sql_names.h"
#include "pipeline/values/binary_copy.h"
#include "pipeline/values/canonical_text.h"
#include "pipeline/values/copy_text.h"
#include "pipeline/values/excerpt.h"
#include "pipeline/values/key_bytes.h"
#include "pipeline/values/order_bytes.h"

#include <algorithm>
#include <limits>

namespace sluice {

using Kind = Value::Kind;

RowEncoder::RowEncoder(const config::Ingest& ingest, std::span<const ColumnPlan> columns,
                       bool session_is_utc)
    : columns_(columns),
      on_missing_(ingest.on_missing),
      on_invalid_(ingest.on_invalid),
      // Segments that fetch rows read them as text.
      binary_(ingest.load == config::Load::copy &&
              std::ranges::all_of(
                  columns, [](const ColumnPlan& plan) { return has_binary_form(plan.column); })),
      has_key_(std::ranges::any_of(columns, &ColumnPlan::in_key)) {
    encoding_.session_is_utc = session_is_utc;
    std::vector<std::string> names;
    for (const ColumnPlan& plan : columns) names.push_back(plan.column.name);
    for (const config::SqlColumn& each : ingest.computed)
        expressions_.push_back({each.column, config::names_used_in(each.sql, names)});
    if (!ingest.where.empty())
        expressions_.push_back({"", config::names_used_in(ingest.where, names)});
}

bool RowEncoder::encode(RecordLog::Index index, std::span<Value> values, Change change,
                        TargetRows& rows, Rejection& why) {
    preparer_.clear();
    row_.clear();
    if (has_key_) {
        key_.clear();
        order_.clear();
        kept_.clear();
    }
    bool as_text = !binary_;
    binary_copy::append_column_count(row_, columns_.size());
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        Value& value = values[i];
        switch (has_key_ ? encode_column(i, value, change) : encode_value(columns_[i], value)) {
            case Verdict::encoded:
                break;
            case Verdict::database:
                as_text = true;
                break;
            case Verdict::invalid:
                why.add(value.kind <= Kind::null ? RejectCause::missing : RejectCause::invalid,
                        {columns_[i].column.name, complaint(value)});
                break;
        }
    }
    std::uint16_t kept = 0;
    if (!kept_.empty()) {
        refuse_unjudgeable(why);
        kept = kept_set(rows, why);
    }
    if (!why.reasons.empty()) return false;
    EncodedRows& to = as_text ? rows.text : rows.binary;
    if (as_text)
        copy_text::append_row(to.bytes, values);
    else
        to.bytes += row_.view();
    to.rows.push_back({.record = index, .change = change, .kept = kept, .end = to.bytes.size()});
    if (has_key_) {
        to.keys.append(key_);
        if (!order_.empty()) to.orders.append(order_);
    }
    return true;
}

Verdict RowEncoder::encode_column(std::size_t column, Value& value, Change change) {
    const ColumnPlan& plan = columns_[column];
    const bool is_always_told = plan.in_key || plan.orders;
    if (is_always_told || (change != Change::remove && value.kind != Kind::unchanged)) {
        const std::size_t begin = row_.size();
        const Verdict verdict = encode_value(plan, value);
        if (!is_always_told) return verdict;
        const std::string_view field = row_.view().substr(begin);
        return plan.in_key ? take_key(plan, verdict, field) : take_order(plan, verdict, field);
    }
    if (change != Change::remove) {
        kept_.resize(columns_.size());
        kept_[column] = true;
    }
    value = {Kind::null, {}};
    binary_copy::append_null(row_);
    return Verdict::encoded;
}

Verdict RowEncoder::take_key(const ColumnPlan& plan, Verdict verdict, std::string_view field) {
    return append_comparable(key_, plan, verdict, field, "key");
}

Verdict RowEncoder::take_order(const ColumnPlan& plan, Verdict verdict, std::string_view field) {
    std::string comparable;
    verdict = append_comparable(comparable, plan, verdict, field, "order");
    if (verdict != Verdict::invalid) append_order_bytes(order_, comparable, plan.column);
    return verdict;
}

/// `what` it is to be: "key".
Verdict RowEncoder::append_comparable(std::string& to, const ColumnPlan& plan, Verdict verdict,
                                      std::string_view field, const std::string& what) {
    if (verdict == Verdict::invalid) return verdict;
    if (verdict == Verdict::database)
        return encoding_.refuse("is written in a way that only the database reads, so it is no " +
                                what);
    if (field == std::string_view("\377\377\377\377"))
        return encoding_.refuse("null in a column of the " + what);
    const char* const why = append_key_bytes(to, field, plan.column);
    return why == nullptr ? verdict : encoding_.refuse(why + (", so it is no " + what));
}

/// What an expression says stays as it is if all that it reads does. It cannot be told of a part.
void RowEncoder::refuse_unjudgeable(Rejection& why) const {
    for (const Expression& each : expressions_) {
        const auto is_kept = [this](std::size_t column) { return kept_[column]; };
        const auto kept = std::ranges::find_if(each.reads, is_kept);
        if (kept == each.reads.end()) continue;
        if (!each.column.empty() && std::ranges::all_of(each.reads, is_kept)) continue;
        why.add(RejectCause::invalid,
                {each.column, (each.column.empty() ? "where" : "its SQL") + std::string(" reads ") +
                                  excerpt(columns_[*kept].column.name) +
                                  ", of which the change says nothing"});
    }
}

std::uint16_t RowEncoder::kept_set(TargetRows& rows, Rejection& why) {
    const std::size_t next = rows.kept.size();
    if (kept_sets_.size() > next) kept_sets_.clear();  // most are of batches before
    std::size_t& index = kept_sets_[kept_];
    if (index < next && rows.kept[index] == kept_) return static_cast<std::uint16_t>(index);
    index = next;
    if (next <= std::numeric_limits<std::uint16_t>::max())
        rows.kept.push_back(kept_);
    else
        why.add(RejectCause::invalid,
                {"", "changes of the batch leave out too many sets of columns"});
    return static_cast<std::uint16_t>(index);
}

/// Makes the value what its column shall hold, and appends it.
[[gnu::always_inline]] inline Verdict RowEncoder::encode_value(const ColumnPlan& plan,
                                                               Value& value) {
    if (plan.takes_as_is(value)) {
        value.kind = Kind::text;
    } else if (value.kind <= Kind::null) {
        const bool missing = value.kind == Kind::missing;
        value = Preparer::default_of(plan);
        if (missing && value.kind == Kind::null && on_missing_ == config::OnMissing::reject) {
            return encoding_.refuse(plan.source.text + " is missing");
        }
    } else if (value.kind == Kind::unchanged) {
        value = {Kind::null, {}};
    } else if (const char* why = preparer_.prepare(plan, value, encoding_.json)) {
        encoding_.complaint = why;
        return invalid(plan, value);
    }
    if (value.kind == Kind::null) return append_null(plan);
    const std::size_t begin = row_.size();
    const Verdict verdict = value.is_typed() ? encode_typed(value, plan.column, encoding_, row_)
                                             : plan.encode(value, plan.column, encoding_, row_);
    if (verdict != Verdict::invalid) return verdict;
    row_.cut(begin);
    return invalid(plan, value);
}

Verdict RowEncoder::append_null(const ColumnPlan& plan) {
    if (plan.column.not_null) return encoding_.refuse("null in a column that is not null");
    binary_copy::append_null(row_);
    return Verdict::encoded;
}

/// The encoder's complaint stands, unless such values are to become NULL.
Verdict RowEncoder::invalid(const ColumnPlan& plan, Value& value) {
    if (on_invalid_ == config::OnInvalid::reject) return Verdict::invalid;
    value = {Kind::null, {}};
    return append_null(plan);
}

/// The encoder's complaint, with what was found.
std::string RowEncoder::complaint(const Value& value) const {
    if (value.kind <= Kind::null) return encoding_.complaint;
    if (!value.is_typed()) return excerpt(value.text) + " " + encoding_.complaint;
    std::string text;
    append_canonical_text(text, value);
    return excerpt(text) + " " + encoding_.complaint;
}

}  // namespace sluice
