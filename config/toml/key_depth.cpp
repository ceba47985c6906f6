#include "config/toml/key_depth.h"

#include <algorithm>
#include <cstddef>

namespace sluice::config {
namespace {

/// Where a string that opens at `open` ends: behind its closing quote, or at a line's end when a
/// one-line string is not closed.
std::size_t end_of_string(std::string_view toml, std::size_t open) {
    const char quote = toml[open];
    const std::string_view triple = quote == '"' ? "\"\"\"" : "'''";
    const bool multi_line = toml.substr(open, 3) == triple;
    std::size_t at = open + (multi_line ? 3 : 1);
    while (at < toml.size()) {
        if (toml[at] == '\\' && quote == '"') {
            at += 2;
        } else if (multi_line && toml.substr(at, 3) == triple) {
            // Up to two quotes of the content may stand before the closing three.
            at += 3;
            for (int extra = 0; extra < 2 && at < toml.size() && toml[at] == quote; ++extra) ++at;
            return at;
        } else if (!multi_line && toml[at] == quote) {
            return at + 1;
        } else if (!multi_line && toml[at] == '\n') {
            return at;
        } else {
            ++at;
        }
    }
    return toml.size();
}

}  // namespace

int line_of_deep_key(std::string_view toml, int max_parts) {
    int line = 1;
    int parts = 1;
    std::size_t at = 0;
    while (at < toml.size()) {
        const char c = toml[at];
        if (c == '"' || c == '\'') {
            const std::size_t end = std::min(end_of_string(toml, at), toml.size());
            line +=
                static_cast<int>(std::count(toml.begin() + static_cast<std::ptrdiff_t>(at),
                                            toml.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
            at = end;
            continue;
        }
        if (c == '#') {
            at = std::min(toml.find('\n', at), toml.size());
            continue;
        }
        if (c == '\n') ++line;
        if (c == '\n' || c == ',' || c == '=') parts = 1;
        if (c == '.' && ++parts > max_parts) return line;
        ++at;
    }
    return 0;
}

}  // namespace sluice::config
