#include "tests/demo/screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace sluice::demo {
namespace {

constexpr const char* hide_cursor = "\x1b[?25l";
constexpr const char* show_cursor = "\x1b[?25h";
/// Without it a line that is wider than the window takes two, and we would lose count.
constexpr const char* wrap_off = "\x1b[?7l";
constexpr const char* wrap_on = "\x1b[?7h";

std::string_view environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

bool locale_is_utf8() {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const std::string_view value = environment(name);
        if (value.empty()) continue;
        return value.find("UTF-8") != value.npos || value.find("utf8") != value.npos;
    }
    return false;
}

const char* code(Style style) {
    switch (style) {
        case Style::dim:
            return "\x1b[2m";
        case Style::bold:
            return "\x1b[1m";
        case Style::good:
            return "\x1b[32m";
        case Style::bad:
            return "\x1b[31m";
        case Style::command:
            return "\x1b[36m";
    }
    return "";
}

void write(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

}  // namespace

Screen::Screen()
    : is_terminal_(isatty(STDOUT_FILENO) == 1 && environment("TERM") != "dumb"),
      is_colourful_(is_terminal_ && environment("NO_COLOR").empty()),
      is_utf8_(is_terminal_ && locale_is_utf8()) {
    if (is_terminal_) write(hide_cursor);
}

Screen::~Screen() {
    if (is_terminal_) write(show_cursor);
}

std::size_t Screen::columns() const {
    winsize size{};
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40;
    return known ? size.ws_col : 100;
}

std::string Screen::styled(Style style, const std::string& text) const {
    return is_colourful_ ? code(style) + text + "\x1b[0m" : text;
}

void Screen::say(const std::string& line) {
    redraw(line + "\n");
}

void Screen::draw(const std::vector<std::string>& lines) {
    if (!is_terminal_) return;
    drawn_ = lines;
    redraw("");
}

void Screen::clear() {
    drawn_.clear();
    redraw("");
}

void Screen::redraw(const std::string& above) {
    std::string out;
    if (lines_on_screen_ > 0) out += "\x1b[" + std::to_string(lines_on_screen_) + "A\r\x1b[J";
    out += above;
    if (!drawn_.empty()) {
        out += wrap_off;
        for (const std::string& line : drawn_) out += line + "\n";
        out += wrap_on;
    }
    lines_on_screen_ = drawn_.size();
    write(out);
}

}  // namespace sluice::demo
