#pragma once

#include <array>
#include <chrono>
#include <cstddef>

namespace sluice::metrics {

/// How fast something goes on, over the last ten full seconds. Used by one thread at a time.
class Rate {
public:
    using Clock = std::chrono::steady_clock;

    void add(double amount, Clock::time_point now) { slot_of(now).amount += amount; }

    [[nodiscard]] double per_second(Clock::time_point now) const {
        const auto second = second_of(now);
        double sum = 0;
        for (const Slot& slot : slots_) {
            if (slot.second < second && slot.second >= second - window) sum += slot.amount;
        }
        return sum / static_cast<double>(window);
    }

private:
    static constexpr long window = 10;
    struct Slot {
        long second = -1;
        double amount = 0;
    };

    static long second_of(Clock::time_point time) {
        return static_cast<long>(
            std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
    }
    Slot& slot_of(Clock::time_point now) {
        const long second = second_of(now);
        Slot& slot = slots_[static_cast<std::size_t>(second) % slots_.size()];
        if (slot.second != second) slot = {.second = second, .amount = 0};
        return slot;
    }

    std::array<Slot, window + 2> slots_{};
};

}  // namespace sluice::metrics
