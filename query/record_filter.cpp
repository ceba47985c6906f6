#include "query/record_filter.h"

#include "pipeline/values/utf8.h"

#include <algorithm>
#include <compare>

namespace sluice::query {
namespace {

constexpr Field fields[] = {{"partition", FieldType::number},
                            {"offset", FieldType::number},
                            {"timestamp", FieldType::time},
                            {"key", FieldType::text},
                            {"value", FieldType::text}};

std::size_t character_size(std::string_view text) {
    return std::max<std::size_t>(1, utf8::character_size(text));
}

/// Goes back to the last % only: linear in the text for each of them.
bool is_like(std::string_view text, std::string_view pattern) {
    std::size_t at = 0;
    std::size_t in_pattern = 0;
    std::size_t behind_any = std::string_view::npos;  // of the last %
    std::size_t resume = 0;                           // where the text goes on if that one grows
    while (at < text.size()) {
        if (in_pattern < pattern.size() && pattern[in_pattern] == '%') {
            behind_any = ++in_pattern;
            resume = at;
            continue;
        }
        if (in_pattern < pattern.size() && pattern[in_pattern] == '_') {
            at += character_size(text.substr(at));
            ++in_pattern;
            continue;
        }
        const bool literally = in_pattern + 1 < pattern.size() && pattern[in_pattern] == '\\';
        const std::size_t compared = in_pattern + (literally ? 1 : 0);
        if (compared < pattern.size() && pattern[compared] == text[at]) {
            ++at;
            in_pattern = compared + 1;
            continue;
        }
        if (behind_any == std::string_view::npos) return false;
        resume += character_size(text.substr(resume));
        at = resume;
        in_pattern = behind_any;
    }
    return pattern.find_first_not_of('%', in_pattern) == std::string_view::npos;
}

bool holds(Operator op, std::strong_ordering ordering) {
    switch (op) {
        case Operator::equal:
            return ordering == 0;
        case Operator::not_equal:
            return ordering != 0;
        case Operator::less:
            return ordering < 0;
        case Operator::less_equal:
            return ordering <= 0;
        case Operator::greater:
            return ordering > 0;
        case Operator::greater_equal:
            return ordering >= 0;
        default:
            return false;
    }
}

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
        case RecordField::partition:
            return number_matches(comparison, record.partition);
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

std::span<const Field> record_fields() {
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
