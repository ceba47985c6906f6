#pragma once

#include "pipeline/decode/json/json_decoder.h"
#include "pipeline/values/json_index.h"
#include "pipeline/values/value.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// The elements of an array within a record, as JSON, each of which becomes a row of its own. One
/// per mapper, used by its thread only.
class ElementReader {
public:
    /// `path`: of the array; `wanted`: what of its elements, by paths from the record's root.
    ElementReader(const std::vector<std::string>& path, const std::vector<WantedField>& wanted);

    /// Whether a path leads into the elements, or to one as a whole.
    [[nodiscard]] static bool is_within(const std::vector<std::string>& path,
                                        const std::vector<std::string>& array);

    /// Takes up a JSON array, and copies it. What is wrong with it, of which there is no element
    /// then, if it is none after all.
    [[nodiscard]] std::optional<JsonError> begin(std::string_view array);
    [[nodiscard]] bool at_end() const { return next_ == elements_.size(); }
    /// Counts from 0, as JSON Pointers do.
    [[nodiscard]] std::size_t number() const { return next_; }
    /// Fills the slots that the next element has something for; false: error() says why it cannot
    /// be read. Goes on to the one behind it either way.
    [[nodiscard]] bool read(std::span<Value> slots);
    [[nodiscard]] std::string error() const { return decoder_.error().text; }

private:
    JsonDecoder decoder_;
    JsonIndex index_;
    std::string array_;  // with what a JsonIndex needs behind it
    std::vector<std::string_view> elements_;
    std::size_t next_ = 0;
};

}  // namespace sluice
