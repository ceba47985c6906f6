#include "pipeline/decode/envelope_decoder.h"

#include "pipeline/values/excerpt.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

using Kind = Value::Kind;
using SourceKind = config::Source::Kind;

/// What Debezium writes for a large value that an update did not touch, alone, as base64 of bytes,
/// or in an array.
bool is_unchanged(const Value& value) {
    constexpr std::string_view mark = "__debezium_unavailable_value";
    constexpr std::string_view in_base64 = "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==";
    constexpr std::string_view in_array = "[\"__debezium_unavailable_value\"]";
    switch (value.kind) {
        case Kind::text:
        case Kind::bytes:
            return value.text == mark;
        case Kind::json_string:
            return value.text == mark || value.text == in_base64;
        case Kind::json_array:
            return value.text == in_array;
        default:
            return false;
    }
}

/// How the flat form calls a field of the envelope: __source_ts_ms, and __lsn for short.
std::vector<std::string> flat_name(const std::vector<std::string>& path) {
    if (path.empty() || path[0] == "before") return {"__before"};
    std::string name = "_";
    for (const std::string& token : path) name += "_" + token;
    return {name};
}

}  // namespace

EnvelopeDecoder::EnvelopeDecoder(std::vector<WantedField> wanted, Around around,
                                 config::OnTruncate on_truncate, const Make& make)
    : wanted_(std::move(wanted)), on_truncate_(on_truncate), plain_(want_form({})) {
    if (around == Around::schema) {
        within_ = want_form({"payload"});
        schema_ = want({"schema"});
        payload_ = want({"payload"});
    }
    values_.resize(inner_wanted_.size());
    inner_ = make(std::move(inner_wanted_));
}

std::size_t EnvelopeDecoder::want(Path path) {
    WantedField& field = inner_wanted_.emplace_back();
    field.source.kind = SourceKind::field;
    field.source.path = std::move(path);
    field.slot = inner_wanted_.size() - 1;
    return field.slot;
}

EnvelopeDecoder::Form EnvelopeDecoder::want_form(const Path& prefix) {
    const auto slot = [&](const Path& path, std::initializer_list<std::string> before = {}) {
        Path whole = prefix;
        whole.insert(whole.end(), before);
        whole.insert(whole.end(), path.begin(), path.end());
        return want(std::move(whole));
    };
    Form form;
    form.op = slot({"op"});
    form.flat_op = slot({"__op"});
    form.flat_deleted = slot({"__deleted"});
    for (const WantedField& field : wanted_) {
        const Path& path = field.source.path;
        if (field.source.kind == SourceKind::envelope) {
            form.after.push_back(slot(path));
            form.before.push_back(form.after.back());
            form.flat.push_back(slot(flat_name(path)));
        } else {
            form.after.push_back(slot(path, {"after"}));
            form.before.push_back(slot(path, {"before"}));
            form.flat.push_back(slot(path));
        }
    }
    return form;
}

bool EnvelopeDecoder::decode(const Payload& payload, std::span<Value> slots, std::vector<Reason>*) {
    scratch_.clear();
    complaint_.reset();
    std::ranges::fill(values_, Value{});
    if (!inner_->decode(payload, values_, nullptr)) return false;
    if (!within_ || is_there(plain_.op) || values_[payload_].kind == Kind::missing)
        return read(plain_, slots);
    if (values_[payload_].kind == Kind::null) {  // a tombstone, in JSON with its schema
        change_ = Change::none;
        return true;
    }
    learn(values_[schema_]);
    return read(*within_, slots);
}

bool EnvelopeDecoder::read(const Form& form, std::span<Value> slots) {
    if (!is_there(form.op)) return read_flat(form, slots);
    const std::string_view op = values_[form.op].text;
    if (op == "c" || op == "u" || op == "r") {
        change_ = Change::upsert;
        fill(form.after, slots);
        return true;
    }
    if (op == "d") {
        change_ = Change::remove;
        fill(form.before, slots);
        return true;
    }
    if (op == "m") {  // a message of the application's, not of a row
        change_ = Change::none;
        return true;
    }
    if (op == "t") return read_truncation();
    return fail("not an event of Debezium: its \"op\" is " + excerpt(op));
}

bool EnvelopeDecoder::read_truncation() {
    if (on_truncate_ == config::OnTruncate::reject)
        return fail("a truncation of the source's table, which has no row; see on_truncate");
    change_ = on_truncate_ == config::OnTruncate::apply ? Change::truncate : Change::none;
    return true;
}

bool EnvelopeDecoder::read_flat(const Form& form, std::span<Value> slots) {
    if (!is_there(form.flat_op) && !is_there(form.flat_deleted))
        return fail(
            "not an event of Debezium: it has neither \"op\" nor, as the flat form has "
            "them, \"__op\" or \"__deleted\"; see envelope");
    const bool removed =
        values_[form.flat_deleted].text == "true" || values_[form.flat_op].text == "d";
    change_ = removed ? Change::remove : Change::upsert;
    fill(form.flat, slots);
    return true;
}

void EnvelopeDecoder::fill(const std::vector<std::size_t>& from, std::span<Value> slots) {
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
        Value value = values_[from[i]];
        if (is_unchanged(value)) {
            value = {Kind::unchanged, {}};
        } else if (!types_.empty() && types_[i]) {
            apply(*types_[i], value, scratch_);
        }
        slots[wanted_[i].slot] = value;
    }
}

/// Schemas are as long as ten events and hardly ever change.
void EnvelopeDecoder::learn(const Value& schema) {
    const bool is_one = schema.kind == Kind::json_object;
    if (schema.text == known_schema_ && is_one) return;
    types_.clear();
    known_schema_ = is_one ? schema.text : std::string_view();
    if (!is_one) return;
    const auto by_name = envelope_types(schema.text);
    types_.resize(wanted_.size());
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
        const config::Source& source = wanted_[i].source;
        const bool of_row = source.kind == SourceKind::field
                                ? source.path.size() == 1
                                : source.path.size() == 2 && source.path[0] == "before";
        if (!of_row || wanted_[i].converted) continue;
        const auto found = by_name.find(source.path.back());
        if (found != by_name.end()) types_[i] = found->second;
    }
}

Undecodable EnvelopeDecoder::error() const {
    if (complaint_) return {RejectCause::undecodable, *complaint_};
    return inner_->error();
}

bool EnvelopeDecoder::fail(std::string text) {
    complaint_ = std::move(text);
    return false;
}

}  // namespace sluice
