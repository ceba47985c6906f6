#include "pipeline/decode/envelope/envelope_decoder.h"

#include "pipeline/values/excerpt.h"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

using Kind = Value::Kind;
using SourceKind = config::Source::Kind;

/// How the flat form calls a field of the envelope: __source_ts_ms, and __lsn for short.
std::vector<std::string> flat_name(const std::vector<std::string>& path) {
    if (path.empty() || path[0] == "before") return {"__before"};
    std::string name = "_";
    for (const std::string& token : path) name += "_" + token;
    return {name};
}

/// What says that a flat row is deleted: a text, unless a cast has made a boolean of it.
bool is_true(const Value& value) {
    return value.kind == Kind::boolean ? value.integer != 0 : value.text == "true";
}

}  // namespace

EnvelopeDecoder::EnvelopeDecoder(std::vector<WantedField> wanted, const Options& options,
                                 const Make& make)
    : wanted_(std::move(wanted)),
      on_truncate_(options.on_truncate),
      unchanged_(options.unavailable),
      plain_(want_form({})),
      known_types_(wanted_) {
    if (options.around == Around::schema) {
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
    types_ = nullptr;
    if (!is_wrapped()) return read(plain_, slots);
    if (values_[payload_].kind == Kind::null) {  // a tombstone, in JSON with its schema
        change_ = Change::none;
        return true;
    }
    types_ = known_types_.of(values_[schema_]);
    return read(*within_, slots);
}

/// Whether the event stands in "payload". A flat row and its columns' names may be anything.
bool EnvelopeDecoder::is_wrapped() const {
    if (!within_ || is_flat(plain_) || is_there(plain_.op)) return false;
    const Kind payload = values_[payload_].kind;
    return payload == Kind::json_object ||
           (payload == Kind::null && values_[schema_].kind != Kind::missing);
}

bool EnvelopeDecoder::read(const Form& form, std::span<Value> slots) {
    // First: a flat row may have a column that is called "op".
    if (is_flat(form) || !is_there(form.op)) return read_flat(form, slots);
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
    if (op == "t") {
        fill(form.after, slots);  // what is around the row, which there is none of
        return read_truncation();
    }
    return fail("not an event of Debezium: its \"op\" is " + excerpt(op));
}

bool EnvelopeDecoder::read_truncation() {
    if (on_truncate_ == config::OnTruncate::reject)
        return fail("a truncation of the source's table, which has no row; see on_truncate");
    change_ = on_truncate_ == config::OnTruncate::apply ? Change::truncate : Change::none;
    return true;
}

bool EnvelopeDecoder::read_flat(const Form& form, std::span<Value> slots) {
    if (!is_flat(form))
        return fail(
            "not an event of Debezium: it has neither \"op\" nor, as the flat form has "
            "them, \"__op\" or \"__deleted\"; see envelope");
    const bool removed = is_true(values_[form.flat_deleted]) || values_[form.flat_op].text == "d";
    change_ = removed ? Change::remove : Change::upsert;
    fill(form.flat, slots);
    if (!removed || is_there(form.flat_op)) return true;
    for (const auto& [source, slot, converted] : wanted_)
        if (source.kind == SourceKind::envelope && source.path == Path{"op"})
            slots[slot] = {Kind::text, "d"};
    return true;
}

void EnvelopeDecoder::fill(const std::vector<std::size_t>& from, std::span<Value> slots) {
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
        Value value = values_[from[i]];
        if (unchanged_.stands_in(value)) {
            value = {Kind::unchanged, {}};
        } else if (types_ != nullptr && (*types_)[i]) {
            typed_.apply(*(*types_)[i], value, scratch_);
        }
        slots[wanted_[i].slot] = value;
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
