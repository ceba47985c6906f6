#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <utility>

namespace sluice::segments {

/// Memory for what segments write, in bytes. Who finds none waits, and does not read meanwhile. One
/// thread.
class Room {
public:
    explicit Room(std::size_t bytes) : size_(bytes), free_(bytes) {}

    [[nodiscard]] std::size_t size() const { return size_; }
    /// True: so much is the caller's. False: it will be when `later` is called, behind those that
    /// came before.
    [[nodiscard]] bool take(std::size_t bytes, std::function<void()> later) {
        if (waiting_.empty() && bytes <= free_) {
            free_ -= bytes;
            return true;
        }
        waiting_.push_back({bytes, std::move(later)});
        return false;
    }
    void give_back(std::size_t bytes) {
        free_ += bytes;
        while (!waiting_.empty() && waiting_.front().bytes <= free_) {
            const Waiting next = std::move(waiting_.front());
            waiting_.pop_front();
            free_ -= next.bytes;
            next.later();
        }
    }

private:
    struct Waiting {
        std::size_t bytes = 0;
        std::function<void()> later;
    };
    const std::size_t size_;
    std::size_t free_;
    std::deque<Waiting> waiting_;
};

}  // namespace sluice::segments
