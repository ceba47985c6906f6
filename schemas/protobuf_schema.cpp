#include "schemas/protobuf_schema.h"

#include "schemas/bad_schema.h"

#include <algorithm>
#include <iterator>

namespace sluice::schemas {

namespace {

constexpr std::size_t most_names_told = 20;

/// The name, or what stands behind a dot of it.
bool is_called(std::string_view full_name, std::string_view name) {
    if (!full_name.ends_with(name)) return false;
    return full_name.size() == name.size() || full_name[full_name.size() - name.size() - 1] == '.';
}

/// `indexes` of the file, and all that is written within them.
void collect(const ProtobufSchema& schema, const std::vector<std::uint32_t>& indexes,
             std::vector<std::uint32_t>& to) {
    for (const std::uint32_t index : indexes) {
        to.push_back(index);
        collect(schema, schema.messages[index].nested, to);
    }
}

/// Appends the way from these messages to one that is among them or within them.
bool find_way(const ProtobufSchema& schema, const std::vector<std::uint32_t>& from,
              std::uint32_t message, std::vector<std::uint32_t>& way) {
    for (std::uint32_t i = 0; i < from.size(); ++i) {
        way.push_back(i);
        if (from[i] == message || find_way(schema, schema.messages[from[i]].nested, message, way))
            return true;
        way.pop_back();
    }
    return false;
}

std::string names_of(const ProtobufSchema& schema, const std::vector<std::uint32_t>& indexes) {
    std::string names;
    for (std::size_t i = 0; i < indexes.size(); ++i) {
        if (i == most_names_told) return names + ", …";
        names += (i == 0 ? "" : ", ") + schema.messages[indexes[i]].name;
    }
    return names;
}

}  // namespace

const ProtobufField* ProtobufMessage::field_called(std::string_view called) const {
    for (const ProtobufField& field : fields) {
        if (field.name == called) return &field;
    }
    for (const ProtobufField& field : fields) {
        if (field.json_name == called) return &field;
    }
    return nullptr;
}

std::string_view ProtobufEnumeration::label_of(std::int32_t number) const {
    const auto found = std::lower_bound(
        labels.begin(), labels.end(), number,
        [](const Label& label, std::int32_t wanted) { return label.number < wanted; });
    if (found == labels.end() || found->number != number) return {};
    return found->name;
}

std::uint32_t ProtobufSchema::message_called(std::string_view name) const {
    if (top_level.empty()) throw BadSchema("the Protobuf file has no message");
    if (name.empty()) {
        if (top_level.size() == 1) return top_level[0];
        throw BadSchema("the Protobuf file has several messages; say which one is meant: " +
                        names_of(*this, top_level));
    }
    std::vector<std::uint32_t> own;
    collect(*this, top_level, own);
    std::vector<std::uint32_t> found;
    for (const std::uint32_t index : own) {
        if (messages[index].name == name) return index;
        if (is_called(messages[index].name, name)) found.push_back(index);
    }
    if (found.size() == 1) return found[0];
    const std::string quoted = "\"" + std::string(name) + "\"";
    if (found.empty()) {
        throw BadSchema("the Protobuf file has no message " + quoted + "; there are " +
                        names_of(*this, own));
    }
    throw BadSchema("message " + quoted + " may be one of " + names_of(*this, found) +
                    "; write its whole name");
}

std::vector<std::uint32_t> ProtobufSchema::outermost() const {
    std::vector<bool> is_part(messages.size(), false);
    for (std::uint32_t index = 0; index < messages.size(); ++index) {
        for (const ProtobufField& field : messages[index].fields) {
            const bool holds = field.type == ProtobufField::Type::message ||
                               field.type == ProtobufField::Type::group;
            if (holds && field.content != index) is_part[field.content] = true;
        }
    }
    std::vector<std::uint32_t> found;
    std::ranges::copy_if(top_level, std::back_inserter(found),
                         [&](std::uint32_t index) { return !is_part[index]; });
    return found.empty() ? top_level : found;
}

std::optional<std::uint32_t> ProtobufSchema::message_at(
    std::span<const std::int32_t> indexes) const {
    const std::vector<std::uint32_t>* candidates = &top_level;
    std::optional<std::uint32_t> found;
    for (const std::int32_t index : indexes) {
        if (index < 0 || static_cast<std::size_t>(index) >= candidates->size()) return std::nullopt;
        found = (*candidates)[static_cast<std::size_t>(index)];
        candidates = &messages[*found].nested;
    }
    return found;
}

std::vector<std::uint32_t> ProtobufSchema::indexes_of(std::uint32_t message) const {
    std::vector<std::uint32_t> way;
    find_way(*this, top_level, message, way);
    return way;
}

std::optional<std::uint32_t> ProtobufSchema::find(std::string_view full_name) const {
    for (std::size_t i = 0; i < messages.size(); ++i) {
        if (messages[i].name == full_name) return static_cast<std::uint32_t>(i);
    }
    return std::nullopt;
}

}  // namespace sluice::schemas
