#include "pipeline/decode/avro/avro_walk.h"

#include "pipeline/values/canonical_text.h"
#include "pipeline/values/hex.h"
#include "pipeline/values/json_text.h"
#include "pipeline/values/utf8.h"

namespace sluice {

namespace {

using AvroKind = schemas::AvroType::Kind;
using Form = AvroScalar::Form;

/// As deep as JSON may be.
constexpr int deepest = 1000;

}  // namespace

bool AvroWalk::skip(AvroBytes& from, const schemas::AvroSchema& schema,
                    const std::vector<AvroScalar>& scalars, std::uint32_t type) {
    schema_ = &schema;
    scalars_ = &scalars;
    json_ = nullptr;
    depth_ = 0;
    path_.clear();
    return walk(from, type);
}

bool AvroWalk::render(AvroBytes& from, const schemas::AvroSchema& schema,
                      const std::vector<AvroScalar>& scalars, std::uint32_t type,
                      std::string& json) {
    schema_ = &schema;
    scalars_ = &scalars;
    json_ = &json;
    depth_ = 0;
    path_.clear();
    return walk(from, type);
}

bool AvroWalk::count_empty(AvroBytes& from) {
    if (empty_values_left_ == 0) return from.fail("too many values that take no bytes");
    --empty_values_left_;
    return true;
}

bool AvroWalk::walk(AvroBytes& from, std::uint32_t type) {
    const schemas::AvroType& what = schema_->of(type);
    if (renders() && json_->size() > longest_json_) return from.fail(json_limit::too_long);
    if (what.is_empty) {
        if (!renders()) return true;
        if (!count_empty(from)) return false;
    }
    const AvroScalar& scalar = (*scalars_)[type];
    if (scalar.form != Form::none) return walk_scalar(from, scalar);
    if (what.kind == AvroKind::choice) {
        std::size_t chosen = 0;
        return from.read_choice(what.contents.size(), chosen, "a branch that its union lacks") &&
               walk(from, what.contents[chosen]);
    }
    if (++depth_ > deepest) return from.fail("nested deeper than 1000");
    const bool fine =
        what.kind == AvroKind::record ? walk_record(from, what) : walk_container(from, what);
    --depth_;
    return fine;
}

bool AvroWalk::walk_scalar(AvroBytes& from, const AvroScalar& scalar) {
    const char* const begin = from.at();
    Value value;
    scratch_.clear();
    if (!read_scalar(from, scalar, value, scratch_)) return false;
    if (!renders()) return true;
    if (scalar.form == Form::text || scalar.form == Form::symbol) {
        if (utf8::first_invalid(value.text) != value.text.size())
            return from.fail_at(begin, "text that is not UTF-8");
        json::append_string(*json_, value.text);
    } else if (value.kind == Value::Kind::null) {
        *json_ += "null";
    } else if (value.kind == Value::Kind::bytes) {
        *json_ += "\"\\\\x";
        append_hex(*json_, value.text);
        *json_ += '"';
    } else {
        if (value.kind == Value::Kind::decimal && value.text.size() > longest_decimal_in_json)
            return from.fail_at(begin, "a decimal of more than 4096 bytes");
        append_canonical_json(*json_, value);
    }
    return true;
}

bool AvroWalk::walk_record(AvroBytes& from, const schemas::AvroType& type) {
    put('{');
    for (std::size_t i = 0; i < type.contents.size(); ++i) {
        if (renders()) {
            if (i > 0) *json_ += ',';
            json::append_string(*json_, type.names[i]);
            *json_ += ':';
        }
        if (!walk(from, type.contents[i])) return fail_in(type.names[i]);
    }
    put('}');
    return true;
}

bool AvroWalk::walk_container(AvroBytes& from, const schemas::AvroType& type) {
    const bool is_map = type.kind == AvroKind::map;
    put(is_map ? '{' : '[');
    const bool takes_nothing = !is_map && schema_->of(type.contents[0]).is_empty;
    for (std::uint64_t before = 0;;) {
        AvroBytes::Block block;
        if (!from.read_block(block)) return false;
        if (block.count == 0) break;
        if (!renders() && (block.has_size || takes_nothing)) {
            std::string_view skipped;
            if (!from.read(block.size, skipped)) return false;
            continue;
        }
        for (std::uint64_t i = 0; i < block.count; ++i, ++before) {
            if (before > 0) put(',');
            if (!is_map && !walk(from, type.contents[0])) return fail_in(std::to_string(before));
            if (is_map && !walk_entry(from, type)) return false;
        }
    }
    put(is_map ? '}' : ']');
    return true;
}

bool AvroWalk::walk_entry(AvroBytes& from, const schemas::AvroType& type) {
    const char* const begin = from.at();
    std::string_view key;
    if (!from.read_sized(key)) return false;
    if (renders()) {
        if (utf8::first_invalid(key) != key.size())
            return from.fail_at(begin, "a key that is not UTF-8");
        json::append_string(*json_, key);
        *json_ += ':';
    }
    return walk(from, type.contents[0]) || fail_in(key);
}

bool AvroWalk::fail_in(std::string_view part) {
    path_.insert(0, part).insert(0, 1, '/');
    return false;
}

}  // namespace sluice
