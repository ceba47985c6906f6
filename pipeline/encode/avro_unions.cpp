#include "pipeline/encode/avro_encoder.h"
#include "pipeline/encode/read_values.h"
#include "pipeline/values/canonical_text.h"
#include "pipeline/values/excerpt.h"
#include "pipeline/values/numeric.h"

#include <algorithm>

// Which branch of a union takes a value.

namespace sluice {

namespace {

using NodeKind = JsonNode::Kind;
using AvroMeaning = schemas::AvroType::Meaning;
using AvroTypeKind = schemas::AvroType::Kind;

/// Whether JSON has values of this kind for the type, rather than the type being able to read them.
bool is_own_kind(const JsonNode& node, const schemas::AvroType& type) {
    const bool is_number =
        type.kind == AvroTypeKind::int32 || type.kind == AvroTypeKind::int64 ||
        type.kind == AvroTypeKind::float32 || type.kind == AvroTypeKind::float64 ||
        type.meaning == AvroMeaning::decimal || type.meaning == AvroMeaning::scaled_decimal;
    const bool counts_time =
        type.meaning == AvroMeaning::date || type.meaning == AvroMeaning::time ||
        type.meaning == AvroMeaning::timestamp || type.meaning == AvroMeaning::instant;
    if (node.kind == NodeKind::boolean) return type.kind == AvroTypeKind::boolean;
    if (node.kind == NodeKind::number) return is_number;
    return node.kind == NodeKind::string && type.kind != AvroTypeKind::boolean &&
           (!is_number || counts_time);
}

/// Whether a number that is read back from the type has the same digits.
template <class Real>
bool keeps_digits(const JsonNode& node, Value::Kind kind) {
    Real real = 0;
    if (encode::read_real(node, real) != nullptr) return false;
    std::string text;
    append_canonical_text(text, Value::of_real(kind, real));
    Digits digits;
    Digits digits_of_real;
    Decimal written;
    Decimal read;
    return read_decimal(node.text, digits, written) == ReadDecimal::done &&
           read_decimal(text, digits_of_real, read) == ReadDecimal::done &&
           compare(written, read) == std::strong_ordering::equal;
}

/// How a scalar of JSON fits a union's branch.
enum class Fit : std::uint8_t { exact, of_its_kind, readable };

Fit fit_of(const JsonNode& node, const schemas::AvroType& type) {
    if (!is_own_kind(node, type)) return Fit::readable;
    bool is_exact = true;
    if (node.kind == NodeKind::number && type.kind == AvroTypeKind::float32)
        is_exact = keeps_digits<float>(node, Value::Kind::real32);
    if (node.kind == NodeKind::number && type.kind == AvroTypeKind::float64)
        is_exact = keeps_digits<double>(node, Value::Kind::real64);
    if (node.kind == NodeKind::string) {
        const bool has_bytes =
            type.meaning == AvroMeaning::plain &&
            (type.kind == AvroTypeKind::bytes || type.kind == AvroTypeKind::fixed);
        is_exact = has_bytes == node.text.starts_with("\\x");
    }
    return is_exact ? Fit::exact : Fit::of_its_kind;
}

}  // namespace

std::optional<std::size_t> AvroEncoder::branch_of_kind(const Type& type, Type::Kind kind) const {
    for (std::size_t at = 0; at < type.contents.size(); ++at)
        if (schema_->of(type.contents[at]).kind == kind) return at;
    return std::nullopt;
}

std::optional<std::size_t> AvroEncoder::null_branch(const Type& type) const {
    if (type.kind != AvroTypeKind::choice) return std::nullopt;
    return branch_of_kind(type, AvroTypeKind::null);
}

bool AvroEncoder::choice(const JsonNode& node, const Type& type) {
    if (node.kind == NodeKind::object) return choice_of_object(node, type);
    if (node.kind != NodeKind::null && node.kind != NodeKind::array)
        return choice_of_scalar(node, type);
    const auto chosen = branch_of_kind(
        type, node.kind == NodeKind::null ? AvroTypeKind::null : AvroTypeKind::array);
    if (chosen) return branch(node, type, *chosen);
    return fail(std::string(name_of(node.kind)) + ", and no branch of the schema's union takes it");
}

/// The first branch that is meant for such values and keeps this one as it is, else the first that
/// is meant for such values, else the first that can read this one.
bool AvroEncoder::choice_of_scalar(const JsonNode& node, const Type& type) {
    int tried = 0;
    for (const Fit fit : {Fit::exact, Fit::of_its_kind, Fit::readable}) {
        for (std::size_t i = 0; i < type.contents.size(); ++i) {
            const Type& candidate = schema_->of(type.contents[i]);
            if (candidate.kind == AvroTypeKind::null || is_container(candidate) ||
                fit_of(node, candidate) != fit)
                continue;
            const std::size_t size = to_->size();
            if (branch(node, type, i)) return true;
            to_->resize(size);
            ++tried;
        }
    }
    // Of one branch, what is wrong is said already.
    return tried != 1 && fail(excerpt(node.text) + " fits no branch of the schema's union");
}

/// By names alone, so that no content is looked at twice: a record with these fields, the branch
/// that the only member names, a map, or the only record, which then says what is wrong.
bool AvroEncoder::choice_of_object(const JsonNode& node, const Type& type) {
    std::optional<std::size_t> map;
    std::optional<std::size_t> record;
    std::size_t records = 0;
    for (std::size_t i = 0; i < type.contents.size(); ++i) {
        const Type& candidate = schema_->of(type.contents[i]);
        if (candidate.kind == AvroTypeKind::map && !map) map = i;
        if (candidate.kind != AvroTypeKind::record || !is_container(candidate)) continue;
        if (names_fit(node, candidate)) return branch(node, type, i);
        record = i;
        ++records;
    }
    const JsonNode* const only = tree_->first_of(node);
    if (only != nullptr && tree_->behind(*only) == nullptr) {
        for (std::size_t i = 0; i < type.contents.size(); ++i) {
            const std::string_view name = name_of(schema_->of(type.contents[i]));
            if (only->name == name || only->name == name.substr(name.rfind('.') + 1))
                return branch(*only, type, i) || fail_in(only->name);
        }
    }
    if (map) return branch(node, type, *map);
    if (records == 1) return branch(node, type, *record);
    return fail("an object, and no branch of the schema's union takes it");
}

bool AvroEncoder::branch(const JsonNode& node, const Type& type, std::size_t chosen) {
    put(static_cast<std::int64_t>(chosen));
    return value(node, type.contents[chosen]);
}

bool AvroEncoder::names_fit(const JsonNode& node, const Type& record) const {
    for (auto* each = tree_->first_of(node); each != nullptr; each = tree_->behind(*each))
        if (std::ranges::find(record.names, each->name) == record.names.end()) return false;
    for (std::size_t i = 0; i < record.names.size(); ++i) {
        if (!record.defaults[i].empty() || tree_->member(node, record.names[i]) != nullptr)
            continue;
        const Type& wanted = schema_->of(record.contents[i]);
        if (wanted.kind != AvroTypeKind::null && !null_branch(wanted)) return false;
    }
    return true;
}

}  // namespace sluice
