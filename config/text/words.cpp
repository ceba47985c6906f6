#include "config/text/words.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace sluice::config {
namespace {

/// Insertions, deletions, replacements and swaps of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({replace, last[j] + 1, row[j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        before.swap(last);
        last.swap(row);
    }
    return last[b.size()];
}

}  // namespace

std::string on_one_line(std::string_view text) {
    constexpr std::array<char, 17> hex{"0123456789abcdef"};
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            out += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
        } else {
            out += c;
        }
    }
    return out;
}

std::string in_quotes(std::string_view text) {
    constexpr std::size_t longest = 80;
    std::string out = "\"" + on_one_line(text.substr(0, longest));
    if (text.size() > longest) {
        // Not in the middle of a UTF-8 sequence.
        while ((static_cast<unsigned char>(out.back()) & 0xC0) == 0x80) out.pop_back();
        if (static_cast<unsigned char>(out.back()) >= 0xC0) out.pop_back();
        out += "…";
    }
    return out + '"';
}

std::string_view nearest(std::string_view text, const std::vector<std::string_view>& known) {
    constexpr std::size_t longest = 64;
    std::string_view best;
    if (text.size() > longest) return best;
    std::size_t best_distance = std::max<std::size_t>(1, std::min<std::size_t>(3, text.size() / 3));
    for (const std::string_view candidate : known) {
        const std::size_t distance = edit_distance(text, candidate);
        if (distance < best_distance || (distance == best_distance && best.empty())) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string suggestion(std::string_view text, const std::vector<std::string_view>& known) {
    const std::string_view near = nearest(text, known);
    return near.empty() ? std::string() : "; did you mean " + in_quotes(near) + "?";
}

std::string listed(const std::vector<std::string_view>& words) {
    std::string out;
    for (const std::string_view word : words) {
        if (!out.empty()) out += ", ";
        out += word;
    }
    return out;
}

}  // namespace sluice::config
