#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace sluice {

/// How far a long command is, for a person who waits: one line on a terminal that redraws itself a
/// few times a second and is gone when the command ends. Writes nothing when `terminal` (standard
/// error) is no terminal. One per piece of work, used by one thread; cheap enough to be told of
/// every record.
class ProgressLine {
public:
    using Clock = std::chrono::steady_clock;

    /// `doing` leads the line, "verify orders"; `unit` is what is counted, "rows".
    ProgressLine(std::string doing, std::string unit, int terminal = 2);
    /// Leaves no trace.
    ~ProgressLine();
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    /// So many are done now, of so many where that is known.
    void at(std::int64_t done, std::optional<std::int64_t> all = std::nullopt);
    /// Takes the line away, so that something else can be printed; the next at() draws it anew.
    void clear();

private:
    void draw(Clock::time_point now);

    const std::string doing_;
    const std::string unit_;
    const int terminal_;
    const bool shown_;
    const Clock::time_point began_ = Clock::now();
    Clock::time_point next_draw_;
    std::int64_t done_ = 0;
    std::optional<std::int64_t> all_;
    bool drawn_ = false;
};

/// What the line says: "verify orders: 1,200,000 of 4,000,000 rows (30%), 400,000/s, 7 s left".
[[nodiscard]] std::string progress_text(const std::string& doing, const std::string& unit,
                                        std::int64_t done, std::optional<std::int64_t> all,
                                        std::chrono::duration<double> elapsed);

}  // namespace sluice
