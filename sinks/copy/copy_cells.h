#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace sluice {

/// Cells of one row of COPY … TO STDOUT, read one after the other: numbers, which COPY escapes
/// nothing in.
class CopyCells {
public:
    explicit CopyCells(std::string_view line) : rest_(line) {
        if (rest_.ends_with('\n')) rest_.remove_suffix(1);
    }
    /// nullopt: NULL.
    std::optional<std::int64_t> number() {
        const std::string_view cell = rest_.substr(0, rest_.find('\t'));
        rest_.remove_prefix(std::min(cell.size() + 1, rest_.size()));
        std::int64_t value = 0;
        if (std::from_chars(cell.data(), cell.data() + cell.size(), value).ec != std::errc())
            return std::nullopt;
        return value;
    }

private:
    std::string_view rest_;
};

}  // namespace sluice
