#pragma once

#include <cstddef>
#include <string>

namespace sluice {

/// At most so many bytes of it, and no part of a character; "…" stands for what was cut.
[[nodiscard]] std::string cut(std::string text, std::size_t most);

}  // namespace sluice
