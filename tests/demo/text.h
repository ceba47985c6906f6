#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// Numbers and columns as people read them.
namespace sluice::demo {

[[nodiscard]] std::string with_commas(std::int64_t number);
/// "0.4 s", "12 s"
[[nodiscard]] std::string seconds(std::chrono::duration<double> duration);
/// "01:05"
[[nodiscard]] std::string clock_face(std::chrono::duration<double> duration);
[[nodiscard]] std::string pad_left(const std::string& text, std::size_t width);
[[nodiscard]] std::string pad_right(const std::string& text, std::size_t width);
/// At most `width` characters, with "..." where something was cut.
[[nodiscard]] std::string cut(const std::string& text, std::size_t width);

/// Rows of cells, the first row being the header, as aligned lines. Columns in `left` (by number)
/// are aligned to the left, the others to the right.
[[nodiscard]] std::vector<std::string> align(const std::vector<std::vector<std::string>>& rows,
                                             const std::vector<std::size_t>& left);

}  // namespace sluice::demo
