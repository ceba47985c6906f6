#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace sluice {

/// Where and why a text is not JSON.
struct JsonError {
    const char* what = nullptr;
    std::size_t position = 0;  ///< in bytes, from 0
};

/// Where each token of a JSON text begins: simdjson's first stage, which also sees to it that the
/// text is UTF-8, that strings end, and that they hold no raw control characters. Keeps its memory
/// from one text to the next. One thread.
class JsonIndex {
public:
    JsonIndex();
    ~JsonIndex();
    JsonIndex(JsonIndex&&) noexcept;
    JsonIndex& operator=(JsonIndex&&) = delete;

    [[nodiscard]] std::optional<JsonError> read(std::string_view text);
    /// Ascending positions; at end() stands the size of the text.
    [[nodiscard]] const std::uint32_t* begin() const { return begin_; }
    [[nodiscard]] const std::uint32_t* end() const { return end_; }

private:
    struct Stage;
    std::unique_ptr<Stage> stage_;
    const std::uint32_t* begin_ = nullptr;
    const std::uint32_t* end_ = nullptr;
};

}  // namespace sluice
