#pragma once

#include "pipeline/decode/json_cursor.h"
#include "pipeline/ingest/batch.h"
#include "pipeline/values/scratch.h"
#include "pipeline/values/value.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Finds the wanted paths in a JSON document, in one walk over all of it. One thread: keeps the
/// parser's memory, and learns in which order the fields come.
class JsonDecoder {
public:
    enum class Root { object, anything };

    /// `wanted` says which JSON Pointer (unescaped tokens) goes to which slot; one path may go to
    /// several, and a path may lead into the value of another.
    struct Wanted {
        std::vector<std::string> path;
        std::size_t slot = 0;
    };
    JsonDecoder(const std::vector<Wanted>& wanted, Root root);

    /// Fills the slots that the document has; views into `document`. `extra` receives the reasons
    /// for fields that nobody wants, unless it is null. False: not a document; see error().
    [[nodiscard]] bool decode(std::string_view document, std::span<Value> slots,
                              std::vector<Reason>* extra);
    [[nodiscard]] const JsonError& error() const { return error_; }

private:
    struct Child {
        std::string key;
        std::int64_t element = -1;  // the key as an array's index; -1: it is none
        std::uint32_t node = 0;
        std::uint32_t follower = 0;  // the child that came next the last time
        std::uint64_t seen = 0;      // the last document that had this child
    };
    struct Node {
        std::vector<Child> children;
        std::vector<std::size_t> slots;
        std::uint32_t first = 0;  // the child that came first the last time
    };

    std::uint32_t node_for(const std::vector<std::string>& path);
    bool take_root();
    bool take(const Node& node);
    bool take_object(std::uint32_t node);
    bool take_array(std::uint32_t node);
    bool take_child(Child& child);
    Child* find(Node& node, std::string_view key, std::uint32_t*& prediction);
    void forget(const Node& node);

    std::vector<Node> nodes_;  // [0] is the root; constant after construction, save what is learnt
    Root root_;
    JsonIndex index_;
    Scratch keys_;

    // Of the document at hand.
    JsonCursor cursor_;
    std::span<Value> slots_;
    std::vector<Reason>* extra_ = nullptr;
    std::uint64_t document_ = 0;
    JsonError error_;
};

}  // namespace sluice
