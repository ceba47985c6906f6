#include "tests/bench/measure.h"

#include "tests/fixture/temp_dir.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <stdexcept>

namespace sluice::bench {
namespace {

double number_behind(const std::string& text, const std::string& key) {
    const auto at = text.find(key);
    if (at == std::string::npos) throw std::runtime_error("no " + key + " in /proc");
    return std::stod(text.substr(at + key.size()));
}

struct CpuTimes {
    double own = 0;
    double children = 0;  // that ended and were waited for
};

CpuTimes cpu_times(pid_t pid) {
    const std::string stat = fixture::read_file("/proc/" + std::to_string(pid) + "/stat");
    // Field 2, the name, may hold anything but ends with the last parenthesis; 14 to 17 are times.
    std::istringstream fields(stat.substr(stat.rfind(')') + 1));
    std::string skipped;
    for (int field = 3; field < 14; ++field) fields >> skipped;
    double user = 0;
    double system = 0;
    double children_user = 0;
    double children_system = 0;
    fields >> user >> system >> children_user >> children_system;
    const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    return {(user + system) / ticks, (children_user + children_system) / ticks};
}

}  // namespace

Usage usage_of(pid_t pid) {
    const std::string status = fixture::read_file("/proc/" + std::to_string(pid) + "/status");
    return {.cpu_seconds = cpu_times(pid).own,
            .peak_mib = number_behind(status, "VmHWM:") / 1024,
            .threads = static_cast<int>(number_behind(status, "Threads:"))};
}

double family_cpu_seconds(pid_t pid) {
    const CpuTimes times = cpu_times(pid);
    return times.own + times.children;
}

double median(std::vector<double> values) {
    return quantile(values, 0.5);
}

double quantile(std::vector<double>& values, double share) {
    if (values.empty()) throw std::runtime_error("nothing was measured");
    const auto rank =
        static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
    const auto at =
        values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
    std::ranges::nth_element(values, at);
    return *at;
}

}  // namespace sluice::bench
