#include "tests/demo/text.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace sluice::demo {
namespace {

/// Continuation bytes of UTF-8 take no place on the screen.
std::size_t width_of(const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string blanks(std::size_t width, std::size_t used) {
    return std::string(width > used ? width - used : 0, ' ');
}

}  // namespace

std::string with_commas(std::int64_t number) {
    std::string text = std::to_string(number);
    const std::size_t first = number < 0 ? 1 : 0;
    for (std::size_t at = text.size(); at > first + 3;) {
        at -= 3;
        text.insert(at, 1, ',');
    }
    return text;
}

std::string seconds(std::chrono::duration<double> duration) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), duration.count() < 10 ? "%.1f s" : "%.0f s",
                  duration.count());
    return text.data();
}

std::string clock_face(std::chrono::duration<double> duration) {
    const auto two_digits = [](int number) {
        return std::string(number < 10 ? "0" : "") + std::to_string(number);
    };
    const int all = static_cast<int>(duration.count());
    return two_digits(all / 60) + ":" + two_digits(all % 60);
}

std::string pad_left(const std::string& text, std::size_t width) {
    return blanks(width, width_of(text)) + text;
}

std::string pad_right(const std::string& text, std::size_t width) {
    return text + blanks(width, width_of(text));
}

std::string cut(const std::string& text, std::size_t width) {
    return text.size() <= width ? text : text.substr(0, width - 3) + "...";
}

std::vector<std::string> align(const std::vector<std::vector<std::string>>& rows,
                               const std::vector<std::size_t>& left) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width_of(row[i]));
    }
    std::vector<std::string> lines;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (i > 0) line += "  ";
            const bool is_left = std::ranges::find(left, i) != left.end();
            line += is_left ? pad_right(row[i], widths[i]) : pad_left(row[i], widths[i]);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        lines.push_back(line);
    }
    return lines;
}

}  // namespace sluice::demo
