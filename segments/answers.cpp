#include "segments/answers.h"

#include <algorithm>

namespace sluice::segments {
namespace {

/// As it may stand in a line of HTTP.
std::string in_one_line(const std::string& text) {
    constexpr std::size_t longest = 1000;
    std::string line = text.substr(0, longest);
    std::ranges::replace_if(
        line, [](unsigned char c) { return c < ' ' || c == '\x7F'; }, ' ');
    return line;
}

}  // namespace

BlockHead block_head(char type, std::size_t length) {
    return {type, static_cast<char>(length >> 24), static_cast<char>(length >> 16),
            static_cast<char>(length >> 8), static_cast<char>(length)};
}

std::string text_of(const Refusal& refusal) {
    return "HTTP/1.0 " + std::to_string(refusal.status) + " " + in_one_line(refusal.why) +
           "\r\nContent-Type: text/plain\r\n" +
           "Content-Length: " + std::to_string(refusal.why.size() + 1) +
           "\r\nConnection: close\r\n\r\n" + refusal.why + "\n";
}

}  // namespace sluice::segments
