#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace sluice {

/// A warning or an error that was logged.
struct LogLine {
    std::chrono::system_clock::time_point at;
    std::string level;
    std::string about;  ///< "orders/0"
    std::string text;
    int times = 1;  ///< the same, but for the time
};

/// The latest warnings and errors, for the status page. From any thread.
class RecentLog {
public:
    /// Keeps that many; texts are cut.
    explicit RecentLog(std::size_t lines = 50) : most_(lines) {}

    void add(LogLine line);
    /// The latest first.
    [[nodiscard]] std::vector<LogLine> lines() const;

private:
    const std::size_t most_;
    mutable std::mutex mutex_;  // guards lines_
    std::deque<LogLine> lines_;
};

/// The process's own: set_up_logging() feeds it.
[[nodiscard]] RecentLog& recent_log();

}  // namespace sluice
