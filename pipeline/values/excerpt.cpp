#include "pipeline/values/excerpt.h"

#include "pipeline/values/cut_text.h"
#include "pipeline/values/utf8.h"

#include <cstdio>

namespace sluice {

std::string excerpt(std::string_view value) {
    constexpr int longest = 64;
    std::string shown = "\"";
    for (int characters = 0; !value.empty(); ++characters) {
        if (characters == longest) {
            shown += "…";
            break;
        }
        const std::size_t size = utf8::character_size(value);
        const auto first = static_cast<unsigned char>(value[0]);
        if (size == 0 || first < 0x20 || first == 0x7f) {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\x%02x", first);
            shown += escaped;
            value.remove_prefix(1);
        } else {
            shown += value.substr(0, size);
            value.remove_prefix(size);
        }
    }
    return shown + '"';
}

std::string cut(std::string text, std::size_t most) {
    if (text.size() <= most) return text;
    while (most > 0 && (text[most] & 0xC0) == 0x80) --most;
    text.resize(most);
    return text + "…";
}

}  // namespace sluice
