#include "query/record_filter.h"

#include "pipeline/values/like.h"

#include <algorithm>

namespace sluice::query {

using config::Comparison;
using config::Condition;
using config::Operator;

namespace {

constexpr config::Field fields[] = {
    {"topic", config::FieldType::text},    {"partition", config::FieldType::number},
    {"offset", config::FieldType::number}, {"timestamp", config::FieldType::time},
    {"key", config::FieldType::text},      {"value", config::FieldType::text}};

bool number_matches(const Comparison& comparison, std::optional<std::int64_t> number) {
    if (comparison.op == Operator::is_null) return !number;
    if (comparison.op == Operator::is_not_null) return number.has_value();
    return number && holds(comparison.op, *number <=> comparison.number());
}

bool text_matches(const Comparison& comparison, const std::optional<std::string_view>& text) {
    if (comparison.op == Operator::is_null) return !text;
    if (!text) return false;
    if (comparison.op == Operator::is_not_null) return true;
    if (comparison.op == Operator::like) return is_like(*text, comparison.text());
    if (comparison.op == Operator::not_like) return !is_like(*text, comparison.text());
    return holds(comparison.op, *text <=> std::string_view(comparison.text()));
}

bool comparison_matches(const Comparison& comparison, const Record& record) {
    switch (static_cast<RecordField>(comparison.field)) {
        case RecordField::topic:
            return text_matches(comparison, record.from->topic);
        case RecordField::partition:
            return number_matches(comparison, record.from->number);
        case RecordField::offset:
            return number_matches(comparison, record.offset);
        case RecordField::timestamp:
            if (record.timestamp_ms < 0) return number_matches(comparison, std::nullopt);
            return number_matches(comparison, record.timestamp_ms);
        case RecordField::key:
            return text_matches(comparison, record.key);
        case RecordField::value:
            break;
    }
    return text_matches(comparison, record.value);
}

}  // namespace

std::span<const config::Field> record_fields() {
    return fields;
}

bool matches(const Condition& condition, const Record& record) {
    const auto part_matches = [&](const Condition& part) { return matches(part, record); };
    switch (condition.kind) {
        case Condition::Kind::all_of:
            return std::ranges::all_of(condition.parts, part_matches);
        case Condition::Kind::any_of:
            return std::ranges::any_of(condition.parts, part_matches);
        case Condition::Kind::comparison:
            break;
    }
    return comparison_matches(condition.comparison, record);
}

}  // namespace sluice::query
