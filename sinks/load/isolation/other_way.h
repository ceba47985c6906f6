#pragma once

#include <cstddef>

namespace sluice {

/// A way besides COPY to find what is refused, and whether it pays: what is remembered of it from
/// one load to the next.
struct OtherWay {
    double gap = 0;         ///< rows per refusal that it finds; 0: it is not gone
    int loads_without = 0;  ///< since it could not help; the load that runs included
    std::size_t rows = 0;   ///< that went it, of the load that runs
    std::size_t found = 0;  ///< of these

    void begin_load() {
        rows = found = 0;
        if (loads_without > 0) --loads_without;
    }
    void note(std::size_t more_rows, std::size_t more_found) {
        rows += more_rows;
        found += more_found;
    }
    void give_up(int loads) {
        loads_without = loads;
        gap = 0;
    }
    [[nodiscard]] double gap_of_load() const {
        return found == 0 ? 0 : static_cast<double>(rows) / static_cast<double>(found);
    }
};

}  // namespace sluice
