#include "pipeline/mapping/preparer.h"

#include "pipeline/values/canonical_text.h"
#include "pipeline/values/civil_time.h"
#include "pipeline/values/conversion.h"
#include "pipeline/values/hex.h"
#include "pipeline/values/masking.h"
#include "pipeline/values/utf8.h"

#include <chrono>
#include <optional>

namespace sluice {

namespace {

using config::Conversion;
using Kind = Value::Kind;

bool is_json(Kind kind) {
    return kind >= Kind::json && kind <= Kind::json_array;
}

bool is_number(const Value& value) {
    switch (value.kind) {
        case Kind::json_scalar:
            return value.text[0] != 't' && value.text[0] != 'f';
        case Kind::integer:
        case Kind::real32:
        case Kind::real64:
        case Kind::decimal:
            return true;
        default:
            return false;
    }
}

/// The database would read 1788340511 as a day of the year 178834.
const char* complaint_of_number(ColumnType type) {
    switch (type) {
        case ColumnType::date:
        case ColumnType::timestamp:
        case ColumnType::timestamptz:
            return "is a number, not a date or time; say what it counts: as = \"epoch_s\", "
                   "\"epoch_ms\" or \"epoch_us\"";
        case ColumnType::time:
            return "is a number, not a time of day; send it as text, such as 10:30:00";
        default:
            return nullptr;
    }
}

/// Of a decimal, which then is shown as bytes: its digits would take too long.
const char* complaint_of_length(Value& value) {
    if (value.kind != Kind::decimal || value.text.size() <= longest_decimal) return nullptr;
    value.kind = Kind::bytes;
    return "is a number with more digits than the database holds";
}

}  // namespace

const char* Preparer::prepare(const ColumnPlan& plan, Value& value, JsonIndex& index) {
    if (const char* why = complaint_of_length(value)) {
        if (config::hides(plan.as)) value = {Kind::text, "…"};
        return why;
    }
    if (!plan.drop.empty())
        if (const char* why = leave_out(plan, value, index)) return why;
    if (plan.as == Conversion::json) return take_json_text(plan, value, index);
    if (config::hides(plan.as)) return hide(plan, value);
    if (plan.as != Conversion::none) return convert_value(plan, value);
    if (is_number(value)) {
        if (const char* why = complaint_of_number(plan.column.type)) return why;
    }
    if (plan.takes_json() && (is_json(value.kind) || value.is_typed())) {
        take_json(value);
        return nullptr;
    }
    if (value.kind == Kind::json_array && plan.column.type == ColumnType::array) {
        return take_array(plan, value);
    }
    return value.is_typed() ? nullptr : take_text(plan, value);
}

const char* Preparer::convert_value(const ColumnPlan& plan, Value& value) {
    if (plan.as == Conversion::decimal && is_number(value))
        return value.is_typed() ? nullptr : take_text(plan, value);
    if (plan.as == Conversion::decimal && value.kind == Kind::json_object) {
        const Converted converted = convert_scaled_decimal(value, scratch_);
        if (converted.complaint != nullptr) return converted.complaint;
        value = converted.value;
        return complaint_of_length(value);
    }
    // A number's digits would be base64 as well.
    const bool is_text = !value.is_typed() && value.kind != Kind::json_scalar;
    if ((plan.as == Conversion::decimal || plan.as == Conversion::base64) && !is_text)
        return "is no text, and so no base64";
    if (value.is_typed()) {
        write_out(value);
    } else if (value.kind == Kind::bytes) {
        value.kind = Kind::text;  // the conversions accept ASCII only
    } else if (const char* why = take_text(plan, value)) {
        return why;
    }
    const Converted converted = convert(value.text, plan.as, plan.scale, scratch_);
    if (converted.complaint != nullptr) return converted.complaint;
    value = converted.value;
    if (const char* why = complaint_of_length(value)) return why;
    return value.is_typed() ? nullptr : take_text(plan, value);
}

/// Complaints show nothing of what may not be stored.
const char* Preparer::leave_out(const ColumnPlan& plan, Value& value, JsonIndex& index) {
    if (value.is_typed()) take_json(value);
    const bool is_string = value.kind == Kind::json_string;
    const char* why = nullptr;
    if (is_string && plan.as == Conversion::json) why = take_text(plan, value);
    // What is a string or a number itself has no fields.
    if (is_string && why == nullptr && plan.as != Conversion::json) return nullptr;
    std::optional<std::string_view> left;
    if (why == nullptr) left = plan.drop.apply(value.text, index, scratch_);
    if (left) {
        value = {Kind::json, *left};
        return nullptr;
    }
    value = {Kind::text, "…"};
    return why != nullptr ? why : "is not JSON, of which fields could be left out";
}

/// Of the text that a column of text would hold. Complaints name no value that is to be hidden.
const char* Preparer::hide(const ColumnPlan& plan, Value& value) {
    const char* why = nullptr;
    const bool is_hash = plan.as == Conversion::sha256;
    if (value.is_typed())
        write_out(value);
    else if (value.kind != Kind::bytes || !is_hash)  // what is hashed need not be UTF-8
        why = take_text(plan, value);
    if (why != nullptr) {
        value = {Kind::text, "…"};
    } else if (!is_hash) {
        value.text = masked(value.text, plan.scale, scratch_);
    } else {
        value = {Kind::bytes, salted_hash(plan.salt, value.text, scratch_)};
        if (plan.column.type == ColumnType::bytea) return nullptr;
        buffer_.clear();
        append_hex(buffer_, value.text);
        value = {Kind::text, scratch_.keep(buffer_)};
    }
    return why;
}

/// A value that has a type becomes its text.
void Preparer::write_out(Value& value) {
    buffer_.clear();
    append_canonical_text(buffer_, value);
    value = {Kind::text, scratch_.keep(buffer_)};
}

/// A field's JSON, as JSON.
void Preparer::take_json(Value& value) {
    if (value.kind == Kind::json_string) {  // with its quotes
        value.text = {value.text.data() - 1, value.text.size() + 2};
    } else if (value.is_typed()) {
        buffer_.clear();
        append_canonical_json(buffer_, value);
        value.text = scratch_.keep(buffer_);
    }
    value.kind = Kind::json;
}

/// A string whose content is JSON, or JSON that stands there itself.
const char* Preparer::take_json_text(const ColumnPlan& plan, Value& value, JsonIndex& index) {
    if (value.is_typed()) take_json(value);
    const bool itself = value.kind > Kind::json_string || value.kind == Kind::json;
    if (!itself) {
        if (const char* why = take_text(plan, value)) return why;
        if (json::check(value.text, index)) return "is not JSON";
    }
    const std::size_t first = value.text.find_first_not_of(" \t\r\n");
    if (plan.column.type == ColumnType::array && value.text[first] == '[') {
        value.text.remove_prefix(first);
        return take_array(plan, value);
    }
    value.kind = plan.takes_json() ? Kind::json : Kind::text;
    return nullptr;
}

const char* Preparer::take_array(const ColumnPlan& plan, Value& value) {
    const json::Unescaped literal =
        json::array_literal(value.text, plan.elements, scratch_, buffer_);
    if (literal.complaint != nullptr) return literal.complaint;
    value = {Kind::text, literal.text};
    return nullptr;
}

const char* Preparer::take_text(const ColumnPlan& plan, Value& value) {
    if (value.kind == Kind::bytes) {
        if (plan.column.type == ColumnType::bytea) return nullptr;
        if (const char* why = utf8::complaint_of(value.text)) return why;
    } else if (value.kind == Kind::json_string && value.escaped) {
        const json::Unescaped content = json::unescape(value.text, scratch_);
        if (content.complaint != nullptr) return content.complaint;
        value.text = content.text;
    }
    value.kind = Kind::text;
    return nullptr;
}

Value Preparer::default_of(const ColumnPlan& plan) {
    switch (plan.has_default) {
        case ColumnPlan::Default::none:
            return {Kind::null, {}};
        case ColumnPlan::Default::text:
            return {Kind::text, plan.default_text};
        case ColumnPlan::Default::now:
            break;
    }
    const std::int64_t now = std::chrono::duration_cast<std::chrono::microseconds>(
                                 std::chrono::system_clock::now().time_since_epoch())
                                 .count();
    return plan.column.type == ColumnType::time
               ? Value::of(Kind::time, now % civil_time::microseconds_per_day)
               : Value::of(Kind::instant, now);
}

}  // namespace sluice
