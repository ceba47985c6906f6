#include "pipeline/mapping/record_condition.h"

#include "config/hidden_source.h"
#include "config/text/characters.h"
#include "pipeline/values/canonical_text.h"
#include "pipeline/values/civil_time.h"
#include "pipeline/values/excerpt.h"
#include "pipeline/values/json_text.h"
#include "pipeline/values/like.h"
#include "pipeline/values/numeric.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice {
namespace {

using config::Condition;
using config::Operator;
using Kind = Value::Kind;
using Truth = RecordCondition::Truth;

Truth truth(bool holds) {
    return holds ? Truth::yes : Truth::no;
}

bool is_time(Kind kind) {
    return kind == Kind::date || kind == Kind::timestamp || kind == Kind::instant;
}

/// Since 1970 UTC; a text without a zone is read in UTC.
std::optional<std::int64_t> microseconds_of(std::string_view text) {
    const civil_time::Reading reading = civil_time::read_date_time(text);
    if (reading.outcome != civil_time::Reading::Outcome::exact) return std::nullopt;
    const std::int64_t days = std::int64_t{reading.days} + civil_time::database_epoch_days;
    return days * civil_time::microseconds_per_day + reading.microseconds -
           reading.zone_seconds * civil_time::microseconds_per_second;
}

/// Of a day beyond all that can be counted so, the last one: no text that is read has one as far.
std::int64_t microseconds_of(const Value& time) {
    if (time.kind != Kind::date) return time.integer;
    constexpr std::int64_t last_day =
        std::numeric_limits<std::int64_t>::max() / civil_time::microseconds_per_day;
    return std::clamp(time.integer, -last_day, last_day) * civil_time::microseconds_per_day;
}

/// Of a decimal that is compared: more digits than a number here may have, and as many as a text
/// can be made of at once, for each record and each comparison.
constexpr std::size_t longest_compared = 4096;

/// As the database would write it; nothing for text that cannot be one, or a number without end.
std::optional<std::string_view> text_of(const Value& value, Scratch& scratch) {
    if (value.kind == Kind::json_string) {
        const json::Unescaped unescaped = json::unescape(value.text, scratch);
        if (unescaped.complaint != nullptr) return std::nullopt;
        return unescaped.text;
    }
    if (!value.is_typed()) return value.text;
    if (value.kind == Kind::decimal && value.text.size() > longest_compared) return std::nullopt;
    std::string text;
    append_canonical_text(text, value);
    return scratch.keep(text);
}

std::string as_written(const config::Comparison::Operand& operand) {
    if (const auto* text = std::get_if<std::string>(&operand)) return "'" + *text + "'";
    if (const auto* number = std::get_if<config::Number>(&operand)) return number->text;
    const auto* truth = std::get_if<bool>(&operand);
    return truth != nullptr && *truth ? "true" : "false";
}

bool is_impossible(const config::Comparison& comparison, const config::Source& of) {
    if (of.kind != config::Source::Kind::timestamp) return false;
    switch (comparison.op) {
        case Operator::like:
        case Operator::not_like:
        case Operator::is_null:
        case Operator::is_not_null:
            return false;
        default:
            break;
    }
    const auto* text = std::get_if<std::string>(&comparison.operand);
    return text == nullptr || !microseconds_of(std::string_view(*text));
}

std::string impossible_in(const Condition& condition, const std::vector<config::Source>& fields) {
    if (condition.kind != Condition::Kind::comparison) {
        for (const Condition& part : condition.parts)
            if (std::string found = impossible_in(part, fields); !found.empty()) return found;
        return {};
    }
    const config::Source& field = fields[condition.comparison.field];
    if (!is_impossible(condition.comparison, field)) return {};
    return field.text + " is a time, and cannot be compared with " +
           as_written(condition.comparison.operand) +
           "; write one, such as '2026-01-31T12:00:00Z' or '2026-01-31'";
}

}  // namespace

std::string impossible_comparison(const config::Filter& filter) {
    return impossible_in(filter.condition, filter.fields);
}

/// A condition whose operands are made ready.
struct RecordCondition::Node {
    Condition::Kind kind = Condition::Kind::comparison;
    std::vector<Node> parts;

    std::size_t field = 0;
    Operator op = Operator::equal;
    std::string text;  ///< of a text, a number's digits
    std::optional<bool> boolean;
    std::optional<std::int64_t> time;  ///< of a text that is one
    bool is_number = false;

    explicit Node(const Condition& condition);
    [[nodiscard]] Truth judge(std::span<const Value> fields, Scratch& scratch) const;
    [[nodiscard]] Truth compare(const Value& value, Scratch& scratch) const;
    [[nodiscard]] Truth compare_number(std::string_view field) const;
    [[nodiscard]] const char* operand_kind() const;
    /// The first comparison, in their order, that cannot be made.
    [[nodiscard]] const Node* incomparable(std::span<const Value> fields, Scratch& scratch) const;
};

RecordCondition::Node::Node(const Condition& condition) : kind(condition.kind) {
    if (kind != Condition::Kind::comparison) {
        for (const Condition& part : condition.parts) parts.emplace_back(part);
        return;
    }
    field = condition.comparison.field;
    op = condition.comparison.op;
    const config::Comparison::Operand& operand = condition.comparison.operand;
    if (const auto* of_text = std::get_if<std::string>(&operand)) {
        text = *of_text;
        time = microseconds_of(std::string_view(text));
    } else if (const auto* number = std::get_if<config::Number>(&operand)) {
        text = number->text;
        is_number = true;
    } else if (const auto* truth = std::get_if<bool>(&operand)) {
        boolean = *truth;
    }
}

Truth RecordCondition::Node::judge(std::span<const Value> fields, Scratch& scratch) const {
    if (kind == Condition::Kind::comparison) return compare(fields[field], scratch);
    // The first part that settles it does so whatever stands behind it.
    const Truth settles = kind == Condition::Kind::all_of ? Truth::no : Truth::yes;
    for (const Node& part : parts) {
        const Truth of_part = part.judge(fields, scratch);
        if (of_part == settles || of_part == Truth::unclear) return of_part;
    }
    return settles == Truth::yes ? Truth::no : Truth::yes;
}

Truth RecordCondition::Node::compare(const Value& value, Scratch& scratch) const {
    if (value.kind == Kind::unchanged) return Truth::unclear;  // it has one, which is not here
    const bool is_null = value.kind == Kind::missing || value.kind == Kind::null;
    if (op == Operator::is_null) return truth(is_null);
    if (op == Operator::is_not_null) return truth(!is_null);
    if (is_null) return Truth::no;
    if (is_time(value.kind) && op != Operator::like && op != Operator::not_like) {
        if (!time) return Truth::unclear;
        return truth(config::holds(op, microseconds_of(value) <=> *time));
    }
    const std::optional<std::string_view> of_field = text_of(value, scratch);
    if (!of_field) return Truth::unclear;
    if (is_number) return compare_number(trimmed(*of_field));
    if (boolean) {
        const bool is_true = *of_field == "true" || *of_field == "t";
        if (!is_true && *of_field != "false" && *of_field != "f") return Truth::unclear;
        return truth(config::holds(op, is_true <=> *boolean));
    }
    if (op == Operator::like) return truth(is_like(*of_field, text));
    if (op == Operator::not_like) return truth(!is_like(*of_field, text));
    return truth(config::holds(op, *of_field <=> std::string_view(text)));
}

Truth RecordCondition::Node::compare_number(std::string_view of_field) const {
    Digits left_digits;
    Digits right_digits;
    Decimal left;
    Decimal right;
    if (read_decimal(of_field, left_digits, left) != ReadDecimal::done ||
        read_decimal(text, right_digits, right) != ReadDecimal::done) {
        return Truth::unclear;
    }
    return truth(config::holds(op, sluice::compare(left, right)));
}

const char* RecordCondition::Node::operand_kind() const {
    if (is_number) return "a number";
    if (boolean) return "true or false";
    return "a time, or text, that it can be compared with";
}

const RecordCondition::Node* RecordCondition::Node::incomparable(std::span<const Value> fields,
                                                                 Scratch& scratch) const {
    if (kind == Condition::Kind::comparison) {
        return compare(fields[field], scratch) == Truth::unclear ? this : nullptr;
    }
    for (const Node& part : parts) {
        if (const Node* const found = part.incomparable(fields, scratch)) return found;
    }
    return nullptr;
}

RecordCondition::RecordCondition(const config::Filter& filter, std::string name,
                                 const config::Ingest& ingest)
    : root_(std::make_unique<const Node>(filter.condition)),
      fields_(filter.fields),
      name_(std::move(name)) {
    for (const config::Source& field : fields_)
        hidden_.push_back(config::tells_hidden(ingest, field));
}
RecordCondition::~RecordCondition() = default;

Truth RecordCondition::judge(std::span<const Value> fields, Scratch& scratch, Reason& why) const {
    const Truth of_record = root_->judge(fields, scratch);
    if (of_record != Truth::unclear) return of_record;
    const Node& at = *root_->incomparable(fields, scratch);
    if (fields[at.field].kind == Kind::unchanged) {
        why.text = name_ + " reads " + fields_[at.field].text +
                   ", of which the change says nothing (REPLICA IDENTITY FULL at the source has "
                   "it say all)";
        return of_record;
    }
    auto shown = text_of(fields[at.field], scratch);
    if (shown && hidden_[at.field]) shown = "…";
    why.text = name_ + ": " + fields_[at.field].text + " is " +
               (shown ? excerpt(*shown) : std::string("nothing that can be compared")) + ", not " +
               at.operand_kind();
    return of_record;
}

}  // namespace sluice
