/// How a decoder is made: what it keeps of a schema and of the paths that are wanted.
#include "pipeline/decode/protobuf/protobuf_decoder.h"

#include "config/column_source.h"

namespace sluice {

namespace {

using FieldCount = protobuf::ProtobufField::Count;
using MessageMeaning = protobuf::ProtobufMessage::Meaning;

}  // namespace

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
        case MessageMeaning::structure:
        case MessageMeaning::list:
            return add_field(plan, &message.fields[0], path, slot);
        case MessageMeaning::value:  // an object or an array, as it comes
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
    if (targets_[target].count != FieldCount::one) {
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
    targets_[target].children.push_back({key, config::element_of(key), made});
    const Field* const field = targets_[target].field;
    const bool is_map = targets_[target].count == FieldCount::map;
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
        if (field.field->oneof < 0 && target.count == FieldCount::one && target.slots.size() == 1)
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

}  // namespace sluice
