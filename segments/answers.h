#pragma once

#include "segments/request.h"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

/// What segments are told, byte by byte.
namespace sluice::segments {

/// Before the first block.
inline constexpr std::string_view rows_follow =
    "HTTP/1.0 200 ok\r\n"
    "Content-Type: text/plain\r\n"
    "Cache-Control: no-cache\r\n"
    "X-GP-PROTO: 1\r\n"
    "Connection: close\r\n\r\n";

/// The segment may send the block that it has announced.
inline constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";

/// A block was taken. Segments of some releases keep the first line of the first answer, and show
/// it with the code of whatever is refused later: so it says where to look.
inline constexpr std::string_view block_taken =
    "HTTP/1.0 200 ok; why a later block is refused stands in the log of the daemon\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 0\r\n"
    "X-GP-PROTO: 0\r\n"
    "Connection: close\r\n\r\n";

/// What a block begins with: its type and, most significant byte first, its length.
using BlockHead = std::array<char, 5>;
[[nodiscard]] BlockHead block_head(char type, std::size_t length);

/// Its first line says why, which is all of it that segments show.
[[nodiscard]] std::string text_of(const Refusal& refusal);

}  // namespace sluice::segments
