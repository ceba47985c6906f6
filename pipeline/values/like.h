#pragma once

#include <string_view>

namespace sluice {

/// SQL's LIKE, on UTF-8: % stands for any characters, _ for one, \ takes the next literally.
[[nodiscard]] bool is_like(std::string_view text, std::string_view pattern);

}  // namespace sluice
