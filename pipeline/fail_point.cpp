#include "pipeline/fail_point.h"

#ifdef SLUICE_FAIL_POINTS

#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <deque>
#include <string>
#include <string_view>

namespace sluice {
namespace {

struct Armed {
    std::string name;
    std::atomic<int> hits_left{1};
    int signal = SIGKILL;
};

std::deque<Armed> read_environment() {
    std::deque<Armed> armed;
    const char* text = std::getenv("SLUICE_FAIL_POINT");
    std::string_view rest = text != nullptr ? text : "";
    while (!rest.empty()) {
        const std::string_view item = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), item.size() + 1));
        const std::string_view where = item.substr(0, item.find('='));
        Armed& point = armed.emplace_back();
        point.name = where.substr(0, where.find(':'));
        if (const auto colon = where.find(':'); colon != std::string_view::npos) {
            point.hits_left = std::atoi(std::string(where.substr(colon + 1)).c_str());
        }
        if (item.substr(where.size()) == "=stop") point.signal = SIGSTOP;
    }
    return armed;
}

}  // namespace

void hit_fail_point(const char* name) {
    static std::deque<Armed> armed = read_environment();
    for (Armed& point : armed) {
        // To this very thread: it goes no further, while one sent to the process may find another.
        if (point.name == name && point.hits_left.fetch_sub(1) == 1) ::raise(point.signal);
    }
}

}  // namespace sluice

#endif
