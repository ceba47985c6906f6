#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace sluice {

/// A row while its fields are made: bytes that grow at their end. Keeps its memory from one row to
/// the next. It is here because each append() to a std::string is a call, and each field is one.
class RowBuffer {
public:
    RowBuffer() = default;
    RowBuffer(RowBuffer&&) = delete;  // what is left behind would have no memory

    void append(const char* bytes, std::size_t count) {
        if (capacity_ - size_ < count) grow(count);
        std::copy_n(bytes, count, bytes_.get() + size_);
        size_ += count;
    }
    /// Forgets all but the first so many.
    void cut(std::size_t size) { size_ = size; }
    /// Memory beyond what rows need as a rule is given back.
    void clear() {
        size_ = 0;
        if (capacity_ > most_kept) [[unlikely]]
            allocate(at_first);
    }

    [[nodiscard]] std::size_t size() const { return size_; }
    /// Valid until it grows.
    [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }

private:
    void grow(std::size_t count) { allocate(std::max(2 * capacity_, size_ + count)); }
    void allocate(std::size_t capacity) {
        auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
        std::copy_n(bytes_.get(), size_, bytes.get());
        bytes_ = std::move(bytes);
        capacity_ = capacity;
    }

    static constexpr std::size_t at_first = 1024;
    static constexpr std::size_t most_kept = 64 * 1024;
    std::size_t size_ = 0;
    std::size_t capacity_ = at_first;
    std::unique_ptr<char[]> bytes_ = std::make_unique_for_overwrite<char[]>(at_first);
};

}  // namespace sluice
