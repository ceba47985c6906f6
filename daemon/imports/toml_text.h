#pragma once

#include <string>
#include <string_view>
#include <vector>

/// What the files are written of that imports make.
namespace sluice::toml_text {

/// A basic string, with its quotes.
[[nodiscard]] std::string quoted(std::string_view text);
/// ["a", "b"]
[[nodiscard]] std::string list(const std::vector<std::string>& texts);
/// A key, in quotes where it needs them.
[[nodiscard]] std::string key(std::string_view name);
/// A line of its own. What it tells may come from anywhere, and hold line breaks.
[[nodiscard]] std::string comment(std::string text);

/// The name for a pipeline that comes nearest to the first of these that is not taken, with a
/// number where all are.
[[nodiscard]] std::string pipeline_name(const std::vector<std::string>& wanted,
                                        const std::vector<std::string>& taken);

}  // namespace sluice::toml_text
