#include "pipeline/decode/protobuf_decoder.h"

#include "pipeline/values/excerpt.h"

#include <algorithm>
#include <charconv>

namespace sluice {

namespace {

using Count = protobuf::ProtobufField::Count;
using Meaning = protobuf::ProtobufMessage::Meaning;
using protobuf::Form;

/// A record with a thousand unknown fields is told by the first few.
constexpr std::size_t most_extra_reasons = 8;

std::int64_t list_index(const std::string& token) {
    std::int64_t index = -1;
    if (token.empty() || token[0] == '-' || (token.size() > 1 && token[0] == '0')) return -1;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
    return error == std::errc() && end == token.data() + token.size() ? index : -1;
}

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

// ---- the plan ----

ProtobufDecoder::ProtobufDecoder(std::shared_ptr<const schemas::ProtobufSchema> schema,
                                 std::uint32_t message, const std::vector<WantedField>& wanted)
    : schema_(std::move(schema)), message_(message), json_(*schema_, error_) {
    targets_.emplace_back();
    add_plan(message, "");
    for (const WantedField& want : wanted) {
        if (want.source.path.empty()) {
            targets_[0].slots.push_back(want.slot);
        } else {
            add_path(0, want.source.path, want.slot);
        }
    }
    for (std::uint32_t plan = 0; plan < plans_.size(); ++plan) {
        collect_absent(plan);
        find_simple_fields(plans_[plan]);
    }
}

std::uint32_t ProtobufDecoder::add_plan(std::uint32_t message, const std::string& path) {
    Plan plan;
    plan.message = &schema_->messages[message];
    plan.path = path;
    plan.oneofs.assign(plan.message->oneofs, none);
    for (const Field& field : plan.message->fields) {
        if (field.absent == Field::Absent::refused)
            plan.required.push_back(static_cast<std::uint32_t>(plan.fields.size()));
        plan.fields.push_back({&field, protobuf::wire_type_of(field.type), none});
    }
    has_required_ |= !plan.required.empty();
    plans_.push_back(std::move(plan));
    return static_cast<std::uint32_t>(plans_.size() - 1);
}

void ProtobufDecoder::add_path(std::uint32_t plan, Path path, std::size_t slot) {
    const protobuf::ProtobufMessage& message = *plans_[plan].message;
    switch (message.meaning) {
        case Meaning::structure:
        case Meaning::list:
            return add_field(plan, &message.fields[0], path, slot);
        case Meaning::value:  // an object or an array, as it comes
            add_field(plan, &message.fields[4], path, slot);
            return add_field(plan, &message.fields[5], path, slot);
        default:
            if (const Field* field = message.field_called(path[0]))
                add_field(plan, field, path.subspan(1), slot);
    }
}

void ProtobufDecoder::add_field(std::uint32_t plan, const Field* field, Path path,
                                std::size_t slot) {
    const auto place = static_cast<std::size_t>(field - plans_[plan].message->fields.data());
    std::uint32_t target = plans_[plan].fields[place].target;
    if (target == none) {
        target = static_cast<std::uint32_t>(targets_.size());
        plans_[plan].fields[place].target = target;
        Target& made = targets_.emplace_back();
        made.field = field;
        made.count = field->count;
        made.path = plans_[plan].path + field->name;
    }
    add_to_target(target, path, slot);
}

void ProtobufDecoder::add_to_target(std::uint32_t target, Path path, std::size_t slot) {
    if (path.empty()) return targets_[target].slots.push_back(slot);
    if (targets_[target].count != Count::one) {
        const std::uint32_t child = child_of(target, path[0]);
        return add_to_target(child, path.subspan(1), slot);
    }
    const Field& field = *targets_[target].field;
    if (!protobuf::is_message(field.type)) return;  // nothing is in there
    std::uint32_t plan = targets_[target].plan;
    if (plan == none) {
        plan = add_plan(field.content, targets_[target].path + ".");
        targets_[target].plan = plan;
    }
    add_path(plan, path, slot);
}

std::uint32_t ProtobufDecoder::child_of(std::uint32_t target, const std::string& key) {
    for (const Child& child : targets_[target].children)
        if (child.key == key) return child.target;
    const auto made = static_cast<std::uint32_t>(targets_.size());
    targets_[target].children.push_back({key, list_index(key), made});
    const Field* const field = targets_[target].field;
    const bool is_map = targets_[target].count == Count::map;
    const std::string path = targets_[target].path + "." + key;
    Target& child = targets_.emplace_back();
    child.field = is_map ? &schema_->messages[field->content].fields[1] : field;
    child.path = path;
    return made;
}

/// NULL for all that is within the message, and the presets of its own fields.
void ProtobufDecoder::collect_absent(std::uint32_t plan) {
    std::vector<std::pair<std::size_t, Value>> absent;
    for (const FieldPlan& field : plans_[plan].fields) {
        if (field.target == none) continue;
        std::vector<std::size_t> slots;
        collect_slots(targets_[field.target], slots);
        for (const std::size_t slot : slots)
            absent.emplace_back(slot, Value{Value::Kind::null, {}});
        if (field.field->absent != Field::Absent::preset) continue;
        const Value preset = protobuf::preset_of(*schema_, *field.field, constants_);
        for (std::size_t i = 0; i < targets_[field.target].slots.size(); ++i)
            absent[absent.size() - slots.size() + i].second = preset;
    }
    plans_[plan].absent = std::move(absent);
}

void ProtobufDecoder::find_simple_fields(Plan& plan) const {
    for (FieldPlan& field : plan.fields) {
        if (field.target == none || protobuf::is_message(field.field->type)) continue;
        const Target& target = targets_[field.target];
        if (field.field->oneof < 0 && target.count == Count::one && target.slots.size() == 1)
            field.slot = target.slots[0];
    }
}

/// The target's own first, then those of all that is within it.
void ProtobufDecoder::collect_slots(const Target& target, std::vector<std::size_t>& slots) const {
    slots.insert(slots.end(), target.slots.begin(), target.slots.end());
    for (const Child& child : target.children) collect_slots(targets_[child.target], slots);
    if (target.plan == none) return;
    for (const FieldPlan& field : plans_[target.plan].fields)
        if (field.target != none) collect_slots(targets_[field.target], slots);
}

// ---- a record ----

bool ProtobufDecoder::decode(const Payload& payload, std::span<Value> slots,
                             std::vector<Reason>* extra) {
    constexpr std::size_t json_at_least = 16U << 20;
    constexpr std::size_t json_by_byte = 16;
    ++record_;
    payload_ = payload.bytes;
    position_ = payload.position;
    slots_ = slots;
    extra_ = extra;
    scratch_.clear();
    unfinished_.clear();
    json_.limit(json_at_least + json_by_byte * payload_.size());
    if (!targets_[0].slots.empty()) keep(targets_[0], Piece::of(payload_));
    return walk(0, payload_, 0) && finish() && (!has_required_ || check_required());
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
    const Form form = protobuf::form_of(*field.field, field.usual, type);
    if (form == Form::wrong) return protobuf::refuse_form(field.usual, type, piece.at, error_);
    field.seen = record_;
    if (field.field->oneof >= 0) enter_oneof(plan, field);
    if (field.target == none) {
        if (extra_ != nullptr)
            tell_extra("field " + excerpt(field.field->name) + " is not taken by any column");
        return true;
    }
    if (form == Form::single) return take_value(field.target, piece, depth);
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
    const std::int64_t element = target.seen == record_ ? target.elements : 0;
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
    key_.clear();
    if (!protobuf::append_map_key(key_, entry.fields[0], key, error_)) return error_.within("key");
    for (const Child& child : target.children) {
        if (child.key != key_) continue;
        forget(child.target);  // of equal keys the last counts, and all of it
        for (const Piece& value : values)
            if (!take_value(child.target, value, depth)) return error_.within(child.key);
    }
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
