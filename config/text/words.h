#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Wording that problems share.
namespace sluice::config {

/// The text with its control characters escaped: bad input must not break a line or a terminal.
[[nodiscard]] std::string on_one_line(std::string_view text);

/// The text in quotes, fit for one line of a terminal: control characters escaped, cut when long.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// The one of `known` that `text` was probably meant to be (edit distance); empty: none is near.
[[nodiscard]] std::string_view nearest(std::string_view text,
                                       const std::vector<std::string_view>& known);

/// "; did you mean "table"?", or nothing.
[[nodiscard]] std::string suggestion(std::string_view text,
                                     const std::vector<std::string_view>& known);

/// "a, b, c"
[[nodiscard]] std::string listed(const std::vector<std::string_view>& words);

}  // namespace sluice::config
