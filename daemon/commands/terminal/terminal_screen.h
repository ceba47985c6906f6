#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// How much a terminal shows, in characters.
struct ScreenSize {
    std::size_t rows = 0;
    std::size_t columns = 0;
};

/// Of standard output; nullopt: it is no terminal, or one that does not tell.
[[nodiscard]] std::optional<ScreenSize> screen_size();

/// The text for a terminal, in place of what it shows: written over it line by line, so that
/// nothing flickers. What does not fit is left out, which the last line says. Lines end with "\n".
[[nodiscard]] std::string redrawn(std::string_view text, ScreenSize size);

}  // namespace sluice
