#include "daemon/commands/terminal/terminal_screen.h"

#include "pipeline/values/utf8.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace sluice {
namespace {

constexpr std::string_view to_upper_left = "\x1b[H";
constexpr std::string_view clear_rest_of_line = "\x1b[K";
constexpr std::string_view clear_rest_of_screen = "\x1b[J";

/// So many characters of it at most.
std::string_view beginning(std::string_view line, std::size_t characters) {
    std::size_t end = 0;
    for (; end < line.size() && characters > 0; --characters)
        end += std::max<std::size_t>(utf8::character_size(line.substr(end)), 1);
    return line.substr(0, end);
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

}  // namespace

std::optional<ScreenSize> screen_size() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
        return std::nullopt;
    return ScreenSize{size.ws_row, size.ws_col};
}

std::string redrawn(std::string_view text, ScreenSize size) {
    // The cursor stands on a line of its own.
    const std::size_t room = std::max<std::size_t>(size.rows, 2) - 1;
    std::vector<std::string_view> lines = lines_of(text);
    std::string left_out;
    if (lines.size() > room) {
        const std::size_t more = lines.size() - (room - 1);
        left_out = "… and " + std::to_string(more) + " more lines; sluice status NAME shows one";
        lines.resize(room - 1);
        lines.push_back(left_out);
    }
    std::string drawn(to_upper_left);
    for (const std::string_view line : lines) {
        // Before the line: behind a full one the cursor still stands on its last character.
        drawn += clear_rest_of_line;
        drawn += beginning(line, size.columns);
        drawn += '\n';
    }
    drawn += clear_rest_of_screen;
    return drawn;
}

}  // namespace sluice
