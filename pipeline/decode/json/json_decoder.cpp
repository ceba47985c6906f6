#include "pipeline/decode/json/json_decoder.h"

#include "config/column_source.h"
#include "pipeline/values/excerpt.h"
#include "pipeline/values/json_text.h"

#include <algorithm>

namespace sluice {

JsonDecoder::JsonDecoder(const std::vector<WantedField>& wanted, Root root) : root_(root) {
    nodes_.emplace_back();
    for (const WantedField& want : wanted) {
        const std::uint32_t node = node_for(want.source.path);
        nodes_[node].slots.push_back(want.slot);
    }
    for (Node& node : nodes_)
        for (Child& child : node.children)
            if (const Node& leaf = nodes_[child.node];
                leaf.children.empty() && leaf.slots.size() == 1)
                child.only_slot = static_cast<std::uint32_t>(leaf.slots[0]);
}

std::uint32_t JsonDecoder::node_for(const std::vector<std::string>& path) {
    std::uint32_t at = 0;
    for (const std::string& token : path) {
        auto& children = nodes_[at].children;
        const auto found =
            std::find_if(children.begin(), children.end(),
                         [&token](const Child& child) { return child.key.name() == token; });
        if (found != children.end()) {
            at = found->node;
            continue;
        }
        const auto created = static_cast<std::uint32_t>(nodes_.size());
        children.push_back(
            {.key = QuotedName(token), .element = config::element_of(token), .node = created});
        nodes_.emplace_back();
        at = created;
    }
    return at;
}

bool JsonDecoder::decode(const Payload& payload, std::span<Value> slots,
                         std::vector<Reason>* extra) {
    what_it_is_ = nullptr;
    document_text_ = payload.bytes;
    position_ = payload.position;
    if (const auto error = index_.read(payload.bytes)) {
        error_ = *error;
        return false;
    }
    cursor_ = JsonCursor(payload.bytes, index_);
    slots_ = slots;
    extra_ = extra;
    ++document_;
    if (take_root()) return true;
    error_ = cursor_.error();
    return false;
}

Undecodable JsonDecoder::error() const {
    if (what_it_is_ != nullptr)
        return {RejectCause::undecodable, std::string(what_it_is_) + ", not an object"};
    JsonError error = error_;
    error.position += position_;
    return {RejectCause::undecodable, "not valid JSON: " + json::describe(error)};
}

std::vector<std::string> JsonDecoder::fields_of(const Payload& payload, std::size_t most) {
    std::vector<std::string> names;
    if (index_.read(payload.bytes)) return names;
    JsonCursor cursor(payload.bytes, index_);
    if (cursor.peek() != '{') return names;
    std::string_view key;
    do {
        cursor.skip_token();
        if (names.size() == most || cursor.peek() != '"' || !cursor.read_string(key)) break;
        if (cursor.peek() != ':') break;
        cursor.skip_token();
        keys_.clear();
        names.emplace_back(json::unescape(key, keys_).text);
    } while (cursor.skip_value() && cursor.peek() == ',');
    return names;
}

inline bool JsonDecoder::take_root() {
    if (root_ == Root::object && cursor_.peek() != '{') return refuse_root();
    if (!take(0)) return false;
    return cursor_.at_end() || cursor_.fail("something follows the value");
}

/// Of what is JSON all the same, the kind is the better reason.
bool JsonDecoder::refuse_root() {
    const char first = cursor_.peek();
    const JsonCursor begin = cursor_;
    if (cursor_.skip_value() && cursor_.at_end()) {
        cursor_ = begin;
        cursor_.fail("not an object: \"{\" is expected");
        what_it_is_ = first == '['                   ? "an array"
                      : first == '"'                 ? "a string"
                      : first == 'n'                 ? "null"
                      : first == 't' || first == 'f' ? "a boolean"
                                                     : "a number";
        return false;
    }
    return cursor_.error().what != nullptr ? false : cursor_.fail("something follows the value");
}

/// A text, number, boolean or null, which begins so.
[[gnu::always_inline]] inline bool JsonDecoder::read_plain(char first, Value& value) {
    value.escaped = first == '"' && cursor_.has_escapes();
    value.kind = first == '"'   ? Value::Kind::json_string
                 : first == 'n' ? Value::Kind::null
                                : Value::Kind::json_scalar;
    return first == '"' ? cursor_.read_string(value.text) : cursor_.read_scalar(value.text);
}

bool JsonDecoder::take(std::uint32_t number) {
    const Node& node = nodes_[number];
    Value value;
    const char* const begin = cursor_.here();
    switch (const char first = cursor_.peek()) {
        case '{':
            value.kind = Value::Kind::json_object;
            if (!(node.children.empty() ? cursor_.skip_value() : take_object(number))) return false;
            value.text = {begin, static_cast<std::size_t>(cursor_.after() - begin)};
            break;
        case '[':
            value.kind = Value::Kind::json_array;
            if (!(node.children.empty() ? cursor_.skip_value() : take_array(number))) return false;
            value.text = {begin, static_cast<std::size_t>(cursor_.after() - begin)};
            break;
        default:
            if (!read_plain(first, value)) return false;
    }
    for (const std::size_t slot : node.slots) slots_[slot] = value;
    return true;
}

/// As most are: a text, number or boolean that one slot wants. Of duplicates the last one stays.
[[gnu::always_inline]] inline bool JsonDecoder::take_leaf(const Child& leaf) {
    const char first = cursor_.peek();
    if (first == '{' || first == '[') return take(leaf.node);
    return read_plain(first, slots_[leaf.only_slot]);
}

bool JsonDecoder::take_object(std::uint32_t node) {
    cursor_.skip_token();
    if (cursor_.peek() == '}') {
        cursor_.pass();
        return true;
    }
    Child** prediction = &nodes_[node].first;
    for (;;) {
        std::string_view key;
        Child* child = *prediction;
        if (child != nullptr && cursor_.pass_name(child->key)) {
            prediction = &child->follower;
        } else {
            if (cursor_.peek() != '"') return cursor_.fail("a field name is expected");
            if (!cursor_.read_string(key)) return false;
            if (cursor_.peek() != ':') return cursor_.fail("\":\" is expected");
            cursor_.skip_token();
            child = find(nodes_[node], key, prediction);
        }
        if (child != nullptr) {
            const bool is_leaf = child->only_slot != Child::no_slot;
            if (!(is_leaf ? take_leaf(*child) : take_child(*child))) return false;
        } else {
            if (extra_ != nullptr && extra_->size() < most_extra_reasons) {
                extra_->push_back({"", "field " + excerpt(key) + " is not taken by any column"});
            }
            if (!cursor_.skip_value()) return false;
        }
        const char c = cursor_.peek();
        if (c != ',' && c != '}') return cursor_.fail("\",\" or \"}\" is expected");
        cursor_.pass();
        if (c == '}') return true;
    }
}

bool JsonDecoder::take_array(std::uint32_t node) {
    cursor_.skip_token();
    if (cursor_.peek() == ']') {
        cursor_.pass();
        return true;
    }
    for (std::uint64_t element = 0;; ++element) {
        auto& children = nodes_[node].children;
        const auto child = std::find_if(
            children.begin(), children.end(),
            [element](const Child& candidate) { return candidate.element == element; });
        if (!(child != children.end() ? take_child(*child) : cursor_.skip_value())) return false;
        const char c = cursor_.peek();
        if (c != ',' && c != ']') return cursor_.fail("\",\" or \"]\" is expected");
        cursor_.pass();
        if (c == ']') return true;
    }
}

bool JsonDecoder::take_child(Child& child) {
    // A duplicate key: the last wins, and with it everything that the first one held.
    if (child.seen == document_) forget(nodes_[child.node]);
    child.seen = document_;
    return take(child.node);
}

JsonDecoder::Child* JsonDecoder::find(Node& node, std::string_view key, Child**& prediction) {
    if (cursor_.has_escapes()) {
        keys_.clear();
        key = json::unescape(key, keys_).text;
    }
    for (Child& child : node.children) {
        if (child.key.name() != key) continue;
        *prediction = &child;
        prediction = &child.follower;
        return &child;
    }
    return nullptr;
}

void JsonDecoder::forget(const Node& node) {
    for (const std::size_t slot : node.slots) slots_[slot] = {};
    for (const Child& child : node.children) forget(nodes_[child.node]);
}

}  // namespace sluice
