#include "pipeline/encode/json_tree.h"

#include "pipeline/values/excerpt.h"
#include "pipeline/values/json_text.h"

namespace sluice {

namespace {

using NodeKind = JsonNode::Kind;

/// As decoders have it.
constexpr int deepest_value = 1000;

}  // namespace

std::string_view name_of(NodeKind kind) {
    switch (kind) {
        case NodeKind::null:
            return "null";
        case NodeKind::boolean:
            return "a boolean";
        case NodeKind::number:
            return "a number";
        case NodeKind::string:
            return "a string";
        case NodeKind::array:
            return "an array";
        case NodeKind::object:
            break;
    }
    return "an object";
}

std::string shown(const JsonNode& node) {
    const bool is_text = node.kind != NodeKind::array && node.kind != NodeKind::object &&
                         node.kind != NodeKind::null;
    return is_text ? excerpt(node.text) : std::string(name_of(node.kind));
}

bool JsonTree::read(std::string_view json) {
    nodes_.clear();
    memory_.clear();
    error_.clear();
    if (const auto error = index_.read(json)) {
        error_ = json::describe(*error);
        return false;
    }
    cursor_ = JsonCursor(json, index_);
    std::uint32_t root = 0;
    bool fine = value(root, 0);
    if (fine && !cursor_.at_end()) fine = cursor_.fail("text behind the end of the JSON");
    if (!fine && error_.empty()) error_ = json::describe(cursor_.error());
    return fine;
}

const JsonNode* JsonTree::member(const JsonNode& object, std::string_view name) const {
    const JsonNode* found = nullptr;
    for (const JsonNode* each = first_of(object); each != nullptr; each = behind(*each)) {
        if (each->name == name) found = each;
    }
    return found;
}

std::int64_t JsonTree::count(const JsonNode& container) const {
    std::int64_t count = 0;
    for (const JsonNode* each = first_of(container); each != nullptr; each = behind(*each)) ++count;
    return count;
}

std::uint32_t JsonTree::add(NodeKind kind) {
    nodes_.emplace_back().kind = kind;
    return static_cast<std::uint32_t>(nodes_.size() - 1);
}

bool JsonTree::value(std::uint32_t& made, int depth) {
    const char c = cursor_.peek();
    if (c == '{' || c == '[') {
        if (depth == deepest_value) return cursor_.fail("nested too deeply");
        const auto kind = c == '{' ? NodeKind::object : NodeKind::array;
        made = add(kind);
        return container(kind, made, depth + 1);
    }
    std::string_view token;
    if (c == '"') {
        made = add(NodeKind::string);
        return cursor_.read_string(token) && text_of(token, nodes_[made].text);
    }
    if (!cursor_.read_scalar(token)) return false;
    made = add(token == "null"                       ? NodeKind::null
               : token == "true" || token == "false" ? NodeKind::boolean
                                                     : NodeKind::number);
    nodes_[made].text = token;
    return true;
}

bool JsonTree::container(NodeKind kind, std::uint32_t made, int depth) {
    const bool is_object = kind == NodeKind::object;
    const char end = is_object ? '}' : ']';
    cursor_.pass();
    if (cursor_.peek() == end) return cursor_.pass(), true;
    for (std::uint32_t last = JsonNode::none;;) {
        std::string_view name;
        if (is_object) {
            std::string_view raw;
            if (cursor_.peek() != '"') return cursor_.fail("a field name is expected");
            if (!cursor_.read_string(raw) || !text_of(raw, name)) return false;
            if (cursor_.peek() != ':') return cursor_.fail("\":\" is expected");
            cursor_.pass();
        }
        std::uint32_t child = 0;
        if (!value(child, depth)) return false;
        nodes_[child].name = name;
        (last == JsonNode::none ? nodes_[made].first : nodes_[last].next) = child;
        last = child;
        const char next = cursor_.peek();
        if (next != ',' && next != end)
            return cursor_.fail(is_object ? "\",\" or \"}\" is expected"
                                          : "\",\" or \"]\" is expected");
        cursor_.pass();
        if (next == end) return true;
    }
}

bool JsonTree::text_of(std::string_view raw, std::string_view& text) {
    const json::Unescaped unescaped = json::unescape(raw, memory_);
    if (unescaped.complaint != nullptr) {
        error_ = std::string("a string that ") + unescaped.complaint;
        return false;
    }
    text = unescaped.text;
    return true;
}

}  // namespace sluice
