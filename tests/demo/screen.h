#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sluice::demo {

enum class Style { dim, bold, good, bad, command };

/// Lines that stay, and under them a few that are redrawn in place. Where output is not a terminal:
/// only the lines that stay, and no colours. Restores the terminal when it goes. One thread only.
class Screen {
public:
    Screen();
    ~Screen();
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    [[nodiscard]] bool is_terminal() const { return is_terminal_; }
    /// How wide the window is; a usual width where there is none.
    [[nodiscard]] std::size_t columns() const;
    /// Whether block characters can be shown.
    [[nodiscard]] bool is_utf8() const { return is_utf8_; }
    [[nodiscard]] std::string styled(Style style, const std::string& text) const;

    void say(const std::string& line = "");
    /// Replaces what was drawn before; nothing on what is not a terminal.
    void draw(const std::vector<std::string>& lines);
    /// Takes away what was drawn.
    void clear();

private:
    void redraw(const std::string& above);

    bool is_terminal_;
    bool is_colourful_;
    bool is_utf8_;
    std::vector<std::string> drawn_;
    std::size_t lines_on_screen_ = 0;
};

}  // namespace sluice::demo
