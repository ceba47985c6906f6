#pragma once

#include "pipeline/values/json_cursor.h"
#include "pipeline/values/json_index.h"
#include "pipeline/values/scratch.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// One value of a JSON text. Numbers stay as they are written, so that none loses digits.
struct JsonNode {
    enum class Kind : std::uint8_t { null, boolean, number, string, array, object };
    static constexpr std::uint32_t none = UINT32_MAX;

    Kind kind = Kind::null;
    std::string_view name;       ///< within an object
    std::string_view text;       ///< boolean, number: as written; string: its content
    std::uint32_t first = none;  ///< array, object: what it holds first
    std::uint32_t next = none;   ///< what stands behind it in the same array or object
};

/// For messages: "a number", "an object".
[[nodiscard]] std::string_view name_of(JsonNode::Kind kind);
/// For messages: a scalar's beginning, or what else it is.
[[nodiscard]] std::string shown(const JsonNode& node);

/// A JSON text, checked and taken apart, for those who need its fields in another order than it
/// has them. One thread; read() ends what the text before was taken into.
class JsonTree {
public:
    /// False: it is no JSON, or holds what is no text; error() says where.
    [[nodiscard]] bool read(std::string_view json);
    [[nodiscard]] const std::string& error() const { return error_; }

    [[nodiscard]] const JsonNode& root() const { return nodes_.front(); }
    /// nullptr for JsonNode::none.
    [[nodiscard]] const JsonNode* at(std::uint32_t index) const {
        return index == JsonNode::none ? nullptr : &nodes_[index];
    }
    [[nodiscard]] const JsonNode* first_of(const JsonNode& container) const {
        return at(container.first);
    }
    [[nodiscard]] const JsonNode* behind(const JsonNode& node) const { return at(node.next); }
    /// Of elements, or members.
    [[nodiscard]] std::int64_t count(const JsonNode& container) const;
    /// The last member of this name; nullptr: the object has none.
    [[nodiscard]] const JsonNode* member(const JsonNode& object, std::string_view name) const;

private:
    bool value(std::uint32_t& made, int depth);
    bool container(JsonNode::Kind kind, std::uint32_t made, int depth);
    bool text_of(std::string_view raw, std::string_view& text);
    std::uint32_t add(JsonNode::Kind kind);

    JsonIndex index_;
    JsonCursor cursor_;
    Scratch memory_;
    std::vector<JsonNode> nodes_;
    std::string error_;
};

}  // namespace sluice
