#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::segments {

/// What a segment asks for, and what it says of itself.
struct Request {
    enum class Kind { read, write };
    Kind kind = Kind::read;
    std::string path;   ///< from "/" on, without the query
    std::string query;  ///< behind "?"
    /// One scan of one statement of one transaction: all segments that share it say the same.
    std::string scan;
    std::size_t segment = 0;
    std::size_t segments = 0;  ///< so many may ask; of those that write, who has rows does
    // Of one that writes.
    std::uint64_t block = 0;  ///< from 1 on; the same again: it was not told what became of it
    bool is_last = false;     ///< the segment has no more; its number is that of the one before
};

/// A request that gets no rows.
struct Refusal {
    unsigned status = 400;  ///< of HTTP
    std::string why;
};

/// `field`: a header field's value by its name, empty where there is none.
[[nodiscard]] std::variant<Request, Refusal> read_request(
    std::string_view method, std::string_view target,
    const std::function<std::string_view(const char*)>& field);

}  // namespace sluice::segments
