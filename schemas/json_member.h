#pragma once

#include <simdjson.h>

#include <string_view>

namespace sluice::schemas {

/// A text among an object's members; empty where it has none of this name.
[[nodiscard]] inline std::string_view text_member(const simdjson::dom::object& of,
                                                  std::string_view name) {
    std::string_view text;
    return of[name].get(text) == simdjson::SUCCESS ? text : std::string_view();
}

}  // namespace sluice::schemas
