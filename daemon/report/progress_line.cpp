#include "daemon/report/progress_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace sluice {
namespace {

using namespace std::chrono_literals;

/// A command that is done before that shows nothing at all.
constexpr auto before_first = 500ms;
constexpr auto between = 200ms;
constexpr const char* erase_line = "\r\x1b[K";

/// 1234567 → "1,234,567"
std::string grouped(std::int64_t number) {
    const std::string digits = std::to_string(number);
    std::string text;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
        text += digits[i];
    }
    return text;
}

std::string duration_text(std::int64_t seconds) {
    if (seconds < 60) return std::to_string(seconds) + " s";
    if (seconds < 3600) {
        return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
    }
    return std::to_string(seconds / 3600) + " h " + std::to_string(seconds % 3600 / 60) + " min";
}

bool is_terminal(int file) {
    const char* const term = std::getenv("TERM");
    return ::isatty(file) == 1 && (term == nullptr || std::string_view(term) != "dumb");
}

/// A line that wraps could not be taken back.
std::size_t columns_of(int terminal) {
    winsize size{};
    if (::ioctl(terminal, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 79;
    return size.ws_col - 1u;
}

}  // namespace

std::string progress_text(const std::string& doing, const std::string& unit, std::int64_t done,
                          std::optional<std::int64_t> all, std::chrono::duration<double> elapsed) {
    std::string text = doing + ": " + grouped(done);
    if (all) text += " of " + grouped(*all);
    text += " " + unit;
    if (all && *all > 0) text += " (" + std::to_string(done * 100 / *all) + "%)";
    if (done <= 0 || elapsed.count() < 0.1) return text;
    const double per_second = static_cast<double>(done) / elapsed.count();
    text += ", " + grouped(static_cast<std::int64_t>(per_second)) + "/s";
    if (all && *all > done) {
        const double left = static_cast<double>(*all - done) / per_second;
        text += ", " + duration_text(static_cast<std::int64_t>(left) + 1) + " left";
    }
    return text;
}

ProgressLine::ProgressLine(std::string doing, std::string unit, int terminal)
    : doing_(std::move(doing)),
      unit_(std::move(unit)),
      terminal_(terminal),
      shown_(is_terminal(terminal)),
      next_draw_(began_ + before_first) {}

ProgressLine::~ProgressLine() {
    clear();
}

void ProgressLine::at(std::int64_t done, std::optional<std::int64_t> all) {
    if (!shown_) return;
    done_ = done;
    all_ = all;
    const auto now = Clock::now();
    if (now >= next_draw_) draw(now);
}

void ProgressLine::clear() {
    if (!drawn_) return;
    drawn_ = false;
    static_cast<void>(!::write(terminal_, erase_line, std::string_view(erase_line).size()));
}

void ProgressLine::draw(Clock::time_point now) {
    std::string line = progress_text(doing_, unit_, done_, all_, now - began_);
    if (const std::size_t columns = columns_of(terminal_); line.size() > columns)
        line.resize(columns);
    line = erase_line + line;
    // A terminal that takes nothing is no reason for the command to fail.
    static_cast<void>(!::write(terminal_, line.data(), line.size()));
    drawn_ = true;
    next_draw_ = now + between;
}

}  // namespace sluice
