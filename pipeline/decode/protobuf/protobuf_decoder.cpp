#include "pipeline/decode/protobuf/protobuf_decoder.h"

#include "pipeline/decode/json_limit.h"
#include "pipeline/decode/protobuf/protobuf_json_scalars.h"
#include "pipeline/values/excerpt.h"

#include <algorithm>

namespace sluice {

namespace {

using Count = protobuf::ProtobufField::Count;
using Meaning = protobuf::ProtobufMessage::Meaning;

/// What JSON it is, by its first character.
Value json_value(std::string_view text) {
    using Kind = Value::Kind;
    switch (text[0]) {
        case '{':
            return {Kind::json_object, text};
        case '[':
            return {Kind::json_array, text};
        case '"': {
            Value value{Kind::json_string, text.substr(1, text.size() - 2)};
            value.escaped = true;
            return value;
        }
        case 'n':
            return {Kind::null, {}};
        default:
            return {Kind::json_scalar, text};
    }
}

}  // namespace

bool ProtobufDecoder::decode(const Payload& payload, std::span<Value> slots,
                             std::vector<Reason>* extra) {
    release();
    ++record_;
    payload_ = payload.bytes;
    position_ = payload.position;
    slots_ = slots;
    extra_ = extra;
    scratch_.clear();
    unfinished_.clear();
    json_.limit(json_limit::longest_of(payload_.size()));
    if (!targets_[0].slots.empty()) keep(targets_[0], Piece::of(payload_));
    return walk(0, payload_, 0) && finish() && (!has_required_ || check_required());
}

/// What the record before was larger than most.
void ProtobufDecoder::release() {
    for (const std::uint32_t index : unfinished_) {
        Target& target = targets_[index];
        if (target.text.capacity() > json_limit::worth_keeping) target.text = std::string();
        if (target.pieces.capacity() * sizeof(Piece) > json_limit::worth_keeping)
            target.pieces = std::vector<Piece>();
    }
}

void ProtobufDecoder::begin(Plan& plan) {
    plan.seen = record_;
    for (const auto& [slot, value] : plan.absent) slots_[slot] = value;
    for (std::uint32_t& oneof : plan.oneofs) oneof = none;
    for (const std::uint32_t place : plan.required) plan.fields[place].seen = 0;
}

bool ProtobufDecoder::walk(std::uint32_t index, std::string_view message, int depth) {
    Plan& plan = plans_[index];
    if (plan.seen != record_) begin(plan);
    if (depth > protobuf::deepest) return error_.fail(protobuf::too_deep, message.data());
    protobuf::WireReader reader(message, error_);
    std::size_t next = 0;
    while (!reader.at_end()) {
        std::uint32_t number = 0;
        WireType type{};
        Piece piece;
        if (!reader.read_tag(number, type)) return false;
        FieldPlan* const field = find(plan, number, next);
        if (!reader.read(number, type, piece))
            return field != nullptr && error_.within(field->field->name);
        if (field != nullptr && field->slot != SIZE_MAX && type == field->usual) {
            field->seen = record_;
            slots_[field->slot] = protobuf::scalar_value(*schema_, *field->field, piece, scratch_);
        } else if (field == nullptr) {
            if (extra_ != nullptr)
                tell_extra("field number " + std::to_string(number) +
                           " is not in the schema and not taken by any column");
        } else if (!take(plan, *field, type, piece, depth)) {
            return error_.within(field->field->name);
        }
    }
    return true;
}

/// Writers nearly always write by ascending numbers: the next one is the first to try.
ProtobufDecoder::FieldPlan* ProtobufDecoder::find(Plan& plan, std::uint32_t number,
                                                  std::size_t& next) {
    auto& fields = plan.fields;
    if (next < fields.size() && fields[next].field->number == number) return &fields[next++];
    const auto found = std::lower_bound(
        fields.begin(), fields.end(), number,
        [](const FieldPlan& field, std::uint32_t wanted) { return field.field->number < wanted; });
    if (found == fields.end() || found->field->number != number) return nullptr;
    next = static_cast<std::size_t>(found - fields.begin()) + 1;
    return &*found;
}

bool ProtobufDecoder::take(Plan& plan, FieldPlan& field, WireType type, const Piece& piece,
                           int depth) {
    const protobuf::Form form = protobuf::form_of(*field.field, field.usual, type);
    if (form == protobuf::Form::wrong)
        return protobuf::refuse_form(field.usual, type, piece.at, error_);
    field.seen = record_;
    if (field.field->oneof >= 0) enter_oneof(plan, field);
    if (field.target == none) {
        if (extra_ != nullptr)
            tell_extra("field " + excerpt(field.field->name) + " is not taken by any column");
        return true;
    }
    if (form == protobuf::Form::single) return take_value(field.target, piece, depth);
    return protobuf::unpack(piece, field.usual, error_, [&](const Piece& each) {
        return take_value(field.target, each, depth);
    });
}

bool ProtobufDecoder::take_value(std::uint32_t index, const Piece& piece, int depth) {
    Target& target = targets_[index];
    switch (target.count) {
        case Count::one:
            return take_single(target, piece, depth);
        case Count::many:
            return take_element(target, piece, depth);
        case Count::map:
            return take_entry(target, piece, depth);
    }
    return true;
}

bool ProtobufDecoder::take_single(Target& target, const Piece& piece, int depth) {
    if (protobuf::is_message(target.field->type)) {
        if (!target.slots.empty()) keep(target, piece);
        return target.plan == none || walk(target.plan, piece.bytes(), depth + 1);
    }
    if (target.slots.empty()) return true;  // and nothing to be made
    const Value value = protobuf::scalar_value(*schema_, *target.field, piece, scratch_);
    for (const std::size_t slot : target.slots) slots_[slot] = value;
    return true;
}

bool ProtobufDecoder::take_element(Target& target, const Piece& piece, int depth) {
    const std::uint64_t element = target.seen == record_ ? target.elements : 0;
    if (!target.slots.empty()) keep(target, piece);
    target.seen = record_;
    target.elements = element + 1;
    for (const Child& child : target.children)
        if (child.element == element) return take_value(child.target, piece, depth);
    return true;
}

bool ProtobufDecoder::take_entry(Target& target, const Piece& piece, int depth) {
    if (!target.slots.empty()) keep(target, piece);
    if (target.children.empty()) return true;
    const protobuf::ProtobufMessage& entry = schema_->messages[target.field->content];
    Piece key;
    std::vector<Piece> values;
    if (!protobuf::read_entry(entry, piece, key, values, error_)) return false;
    std::string text;
    if (!protobuf::append_map_key(text, entry.fields[0], key, error_)) return error_.within("key");
    const auto child = std::ranges::find(target.children, text, &Child::key);
    if (child == target.children.end()) return true;
    forget(child->target);  // of equal keys the last counts, and all of it
    for (const Piece& value : values)
        if (!take_value(child->target, value, depth)) return error_.within(child->key);
    return true;
}

/// Another member of the same oneof is no more.
void ProtobufDecoder::enter_oneof(Plan& plan, FieldPlan& field) {
    std::uint32_t& member = plan.oneofs[static_cast<std::size_t>(field.field->oneof)];
    if (member != none && member != field.target) forget(member);
    member = field.target;
}

void ProtobufDecoder::forget(std::uint32_t index) {
    Target& target = targets_[index];
    target.seen = 0;
    for (const std::size_t slot : target.slots) slots_[slot] = {Value::Kind::null, {}};
    for (const Child& child : target.children) forget(child.target);
    if (target.plan == none) return;
    plans_[target.plan].seen = 0;
    for (const FieldPlan& field : plans_[target.plan].fields)
        if (field.target != none) forget(field.target);
}

void ProtobufDecoder::keep(Target& target, const Piece& piece) {
    if (target.seen != record_) {
        target.seen = record_;
        target.pieces.clear();
    }
    // What is forgotten and comes again is finished once all the same.
    if (target.unfinished != record_) {
        target.unfinished = record_;
        unfinished_.push_back(static_cast<std::uint32_t>(&target - targets_.data()));
    }
    target.pieces.push_back(piece);
}

bool ProtobufDecoder::finish() {
    for (const std::uint32_t index : unfinished_) {
        Target& target = targets_[index];
        if (target.seen != record_) continue;  // forgotten
        if (!finish(target)) return target.field != nullptr && error_.within(target.path);
    }
    return true;
}

bool ProtobufDecoder::finish(Target& target) {
    const bool single = target.field != nullptr && target.count == Count::one;
    const protobuf::ProtobufMessage* const message =
        single ? &schema_->messages[target.field->content] : nullptr;
    Value value;
    bool read = false;
    switch (single ? message->meaning : Meaning::plain) {
        case Meaning::timestamp:
            read = protobuf::read_instant(*message, target.pieces, error_, value);
            break;
        case Meaning::duration:
            read = protobuf::read_interval(*message, target.pieces, scratch_, error_, value);
            break;
        case Meaning::wrapper: {
            Piece wrapped;
            read = protobuf::read_wrapped(*message, target.pieces, error_, wrapped);
            if (read)
                value = protobuf::scalar_value(*schema_, message->fields[0], wrapped, scratch_);
            break;
        }
        default:
            read = finish_as_json(target, value);
    }
    if (!read) return false;
    for (const std::size_t slot : target.slots) slots_[slot] = value;
    return true;
}

bool ProtobufDecoder::finish_as_json(Target& target, Value& value) {
    target.text.clear();
    const bool written =
        target.field == nullptr
            ? json_.append_message(target.text, message_, target.pieces)
            : json_.append(target.text, *target.field, target.count, target.pieces);
    if (!written) return false;
    value = json_value(target.text);
    return true;
}

bool ProtobufDecoder::check_required() {
    for (const Plan& plan : plans_) {
        if (plan.seen != record_) continue;
        for (const std::uint32_t place : plan.required) {
            if (plan.fields[place].seen == record_) continue;
            error_.fail("missing, and the schema requires it", nullptr);
            return error_.within(plan.path + plan.fields[place].field->name);
        }
    }
    return true;
}

void ProtobufDecoder::tell_extra(std::string text) {
    if (extra_->size() >= most_extra_reasons) return;
    Reason reason{"", std::move(text)};
    if (std::find(extra_->begin(), extra_->end(), reason) == extra_->end())
        extra_->push_back(std::move(reason));
}

Undecodable ProtobufDecoder::error() const {
    std::string text = "not valid Protobuf: ";
    if (!error_.field.empty()) text += "field " + excerpt(error_.field) + ": ";
    text += error_.what;
    if (error_.at != nullptr) {
        const auto within = static_cast<std::size_t>(error_.at - payload_.data());
        text += " at byte " + std::to_string(position_ + within + 1);
    }
    return {RejectCause::undecodable, text};
}

std::vector<std::string> ProtobufDecoder::fields_of(const Payload& payload, std::size_t most) {
    std::vector<std::string> names;
    protobuf::WireReader reader(payload.bytes, error_);
    std::size_t next = 0;
    while (!reader.at_end() && names.size() < most) {
        std::uint32_t number = 0;
        WireType type{};
        Piece piece;
        if (!reader.read_tag(number, type) || !reader.read(number, type, piece)) break;
        const FieldPlan* const field = find(plans_[0], number, next);
        std::string name = field != nullptr ? field->field->name : std::to_string(number);
        if (std::find(names.begin(), names.end(), name) == names.end())
            names.push_back(std::move(name));
    }
    return names;
}

}  // namespace sluice
