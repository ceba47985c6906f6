#pragma once

#include "pipeline/decode/decoder.h"
#include "pipeline/values/json_cursor.h"
#include "pipeline/values/scratch.h"
#include "pipeline/values/value.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Finds the wanted paths in a JSON document, in one walk over all of it. Keeps the parser's
/// memory, and learns in which order the fields come.
class JsonDecoder final : public Decoder {
public:
    enum class Root { object, anything };

    /// Sources' `path`: a JSON Pointer's unescaped tokens.
    JsonDecoder(const std::vector<WantedField>& wanted, Root root);

    bool decode(const Payload& payload, std::span<Value> slots,
                std::vector<Reason>* extra) override;
    std::optional<std::string_view> as_json() const override { return document_text_; }
    Undecodable error() const override;
    std::vector<std::string> fields_of(const Payload& payload, std::size_t most) override;

    /// Where and why the latest document that is none ends to be one.
    [[nodiscard]] const JsonError& json_error() const { return error_; }

private:
    struct Child {
        static constexpr std::uint32_t no_slot = -1U;

        QuotedName key;
        std::optional<std::uint64_t> element;  // the key as an array's index
        std::uint32_t node = 0;
        std::uint32_t only_slot = no_slot;  // of a leaf that one slot wants
        Child* follower = nullptr;          // the child that came next the last time
        std::uint64_t seen = 0;             // the last document that had this child
    };
    struct Node {
        std::vector<Child> children;
        std::vector<std::size_t> slots;
        Child* first = nullptr;  // the child that came first the last time
    };

    std::uint32_t node_for(const std::vector<std::string>& path);
    bool take_root();
    bool refuse_root();
    bool take(std::uint32_t node);
    bool take_object(std::uint32_t node);
    bool take_array(std::uint32_t node);
    bool take_child(Child& child);
    bool take_leaf(const Child& leaf);
    bool read_plain(char first, Value& value);
    Child* find(Node& node, std::string_view key, Child**& prediction);
    void forget(const Node& node);

    std::vector<Node> nodes_;  // [0] is the root; constant after construction, save what is learnt
    Root root_;
    JsonIndex index_;
    Scratch keys_;

    // Of the document at hand.
    JsonCursor cursor_;
    std::string_view document_text_;
    std::size_t position_ = 0;  // of its first byte, in the record's value or key
    std::span<Value> slots_;
    std::vector<Reason>* extra_ = nullptr;
    std::uint64_t document_ = 0;
    JsonError error_;
    const char* what_it_is_ = nullptr;  // where it is JSON, but not the object that it should be
};

}  // namespace sluice
