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

}  // namespace

Usage usage_of(pid_t pid) {
    const std::string directory = "/proc/" + std::to_string(pid) + "/";
    const std::string status = fixture::read_file(directory + "status");
    const std::string stat = fixture::read_file(directory + "stat");
    // Field 2, the name, may hold anything but ends with the last parenthesis; 14 and 15 are times.
    std::istringstream fields(stat.substr(stat.rfind(')') + 1));
    std::string skipped;
    for (int field = 3; field < 14; ++field) fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return {.cpu_seconds = (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK)),
            .peak_mib = number_behind(status, "VmHWM:") / 1024,
            .threads = static_cast<int>(number_behind(status, "Threads:"))};
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
