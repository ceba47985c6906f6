#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace sluice {

/// Memory for what is made while one record is mapped, or one batch is read. Views stay valid until
/// clear(), which keeps the memory: no allocation in the steady state.
class Scratch {
public:
    [[nodiscard]] char* reserve(std::size_t size) {
        if (blocks_.empty() || capacity_ - used_ < size) grow(size);
        char* place = blocks_.back().get() + used_;
        used_ += size;
        return place;
    }
    /// Gives back the end of the latest reserve().
    void shrink(const char* end) { used_ = static_cast<std::size_t>(end - blocks_.back().get()); }
    [[nodiscard]] std::string_view keep(std::string_view text) {
        char* place = reserve(text.size());
        if (!text.empty()) std::memcpy(place, text.data(), text.size());
        return {place, text.size()};
    }
    void clear() {
        if (blocks_.size() > 1) blocks_.erase(blocks_.begin(), blocks_.end() - 1);
        used_ = 0;
    }

private:
    void grow(std::size_t size) {
        const std::size_t doubled = capacity_ * 2;
        capacity_ = doubled < 4096 ? 4096 : doubled;
        if (capacity_ < size) capacity_ = size;
        blocks_.emplace_back(new char[capacity_]);
        used_ = 0;
    }

    std::vector<std::unique_ptr<char[]>> blocks_;
    std::size_t capacity_ = 0;  // of blocks_.back()
    std::size_t used_ = 0;
};

}  // namespace sluice
