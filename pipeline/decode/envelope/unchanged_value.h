#pragma once

#include "pipeline/values/value.h"

#include <array>
#include <string>
#include <string_view>

namespace sluice {

/// Knows what Debezium writes for a large value that an update did not touch, its
/// unavailable.value.placeholder, in any of the spellings that it has for the kinds of columns and
/// its settings. Constant.
class UnchangedMark {
public:
    /// `mark`: a text that JSON has without escapes.
    explicit UnchangedMark(std::string_view mark);

    [[nodiscard]] bool stands_in(const Value& value) const;

private:
    [[nodiscard]] bool is_element(std::string_view array) const;
    [[nodiscard]] bool is_bytes(std::string_view array) const;

    const std::string mark_;
    /// By binary.handling.mode; bytes themselves in Avro.
    const std::string in_base64_;
    const std::string in_hex_;
    /// Of an hstore, as a map, or as a text that is JSON, which within JSON has escapes.
    const std::string map_;
    const std::string escaped_map_;
    /// What an array may have as an element, up to its closing quote.
    const std::array<std::string, 5> elements_;
};

}  // namespace sluice
