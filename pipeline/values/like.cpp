#include "pipeline/values/like.h"

#include "pipeline/values/utf8.h"

#include <algorithm>

namespace sluice {
namespace {

std::size_t character_size(std::string_view text) {
    return std::max<std::size_t>(1, utf8::character_size(text));
}

}  // namespace

/// Goes back to the last % only: linear in the text for each of them.
bool is_like(std::string_view text, std::string_view pattern) {
    std::size_t at = 0;
    std::size_t in_pattern = 0;
    std::size_t behind_any = std::string_view::npos;  // of the last %
    std::size_t resume = 0;                           // where the text goes on if that one grows
    while (at < text.size()) {
        if (in_pattern < pattern.size() && pattern[in_pattern] == '%') {
            behind_any = ++in_pattern;
            resume = at;
            continue;
        }
        if (in_pattern < pattern.size() && pattern[in_pattern] == '_') {
            at += character_size(text.substr(at));
            ++in_pattern;
            continue;
        }
        const bool literally = in_pattern + 1 < pattern.size() && pattern[in_pattern] == '\\';
        const std::size_t compared = in_pattern + (literally ? 1 : 0);
        if (compared < pattern.size() && pattern[compared] == text[at]) {
            ++at;
            in_pattern = compared + 1;
            continue;
        }
        if (behind_any == std::string_view::npos) return false;
        resume += character_size(text.substr(resume));
        at = resume;
        in_pattern = behind_any;
    }
    return pattern.find_first_not_of('%', in_pattern) == std::string_view::npos;
}

}  // namespace sluice
