#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace sluice::bench {

using Seconds = std::chrono::duration<double>;

class Stopwatch {
public:
    [[nodiscard]] double seconds() const {
        return Seconds(std::chrono::steady_clock::now() - begin_).count();
    }

private:
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// What a living process has used since it began.
struct Usage {
    double cpu_seconds = 0;
    double peak_mib = 0;  ///< resident set
    int threads = 0;
};
[[nodiscard]] Usage usage_of(pid_t pid);
/// The CPU time of a process and of its children that have ended.
[[nodiscard]] double family_cpu_seconds(pid_t pid);

[[nodiscard]] double median(std::vector<double> values);
/// The value that `share` (0 to 1) of all values do not exceed.
[[nodiscard]] double quantile(std::vector<double>& values, double share);

}  // namespace sluice::bench
