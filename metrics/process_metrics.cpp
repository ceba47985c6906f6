#include "metrics/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace sluice::metrics {
namespace {

/// What follows the parenthesised name in /proc/self/stat, from field 3 on (proc(5)).
struct Stat {
    double ticks = 0;        ///< utime and stime, fields 14 and 15
    double threads = 0;      ///< 20
    double start_ticks = 0;  ///< 22, since boot
    double virtual_bytes = 0;
    double resident_pages = 0;
};

Stat read_stat() {
    std::ifstream in("/proc/self/stat");
    std::string line;
    std::getline(in, line);
    std::istringstream fields(line.substr(std::min(line.rfind(')') + 1, line.size())));
    Stat stat;
    std::string field;
    for (int number = 3; fields >> field && number <= 24; ++number) {
        if (number == 14 || number == 15) stat.ticks += std::stod(field);
        if (number == 20) stat.threads = std::stod(field);
        if (number == 22) stat.start_ticks = std::stod(field);
        if (number == 23) stat.virtual_bytes = std::stod(field);
        if (number == 24) stat.resident_pages = std::stod(field);
    }
    return stat;
}

double boot_time() {
    std::ifstream in("/proc/stat");
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("btime ")) return std::stod(line.substr(6));
    }
    return 0;
}

double open_files() {
    std::error_code ignored;
    const std::filesystem::directory_iterator files("/proc/self/fd", ignored);
    return static_cast<double>(std::distance(begin(files), end(files)));
}

double most_files() {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0;
}

const double ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
const double page_bytes = static_cast<double>(::sysconf(_SC_PAGESIZE));

}  // namespace

ProcessMetrics::ProcessMetrics(Registry& registry, const Labels& build)
    : build_(registry.gauge("sluice_build_info",
                            "Always 1; the versions of Sluice and librdkafka are in the labels",
                            build)),
      cpu_seconds_(
          registry.counter("process_cpu_seconds_total", "CPU time spent, user and system")),
      resident_bytes_(registry.gauge("process_resident_memory_bytes", "Memory in use")),
      virtual_bytes_(registry.gauge("process_virtual_memory_bytes", "Address space in use")),
      open_files_(registry.gauge("process_open_fds", "Open file descriptors")),
      most_files_(registry.gauge("process_max_fds", "File descriptors that may be open")),
      threads_(registry.gauge("process_threads", "Threads")),
      start_time_(registry.gauge("process_start_time_seconds",
                                 "When the process started, in seconds since 1970")),
      hook_(registry.before_text([this] { read(); })) {
    build_.set(1);
    most_files_.set(most_files());
    start_time_.set(boot_time() + read_stat().start_ticks / ticks_per_second);
}

void ProcessMetrics::read() {
    const Stat stat = read_stat();
    if (stat.threads == 0) return;  // the file cannot be had just now
    cpu_seconds_.follow(stat.ticks / ticks_per_second);
    threads_.set(stat.threads);
    virtual_bytes_.set(stat.virtual_bytes);
    resident_bytes_.set(stat.resident_pages * page_bytes);
    open_files_.set(open_files());
}

}  // namespace sluice::metrics
