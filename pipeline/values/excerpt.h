#pragma once

#include <string>
#include <string_view>

namespace sluice {

/// A value as messages show it: in quotes, printable, cut to about 64 characters.
[[nodiscard]] std::string excerpt(std::string_view value);

}  // namespace sluice
