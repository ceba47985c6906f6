#include "tests/bench/callgrind.h"

#include <fstream>
#include <stdexcept>
#include <string_view>

namespace sluice::bench {
namespace {

/// The second number of "LINE COST".
std::uint64_t cost_of(const std::string& line) {
    const std::size_t space = line.find(' ');
    return space == std::string::npos ? 0 : std::stoull(line.substr(space + 1));
}

}  // namespace

std::uint64_t ThreadProfile::within(const std::string& function) const {
    std::uint64_t sum = 0;
    for (const auto& [name, cost] : calls) {
        if (name.find(function) != std::string::npos) sum += cost;
    }
    return sum;
}

ThreadProfile read_callgrind(const std::filesystem::path& file) {
    std::ifstream in(file);
    if (!in) throw std::runtime_error(file.string() + " cannot be read");
    constexpr std::string_view callee = "cfn=";
    constexpr std::string_view caller = "fn=";
    constexpr std::string_view totals = "totals: ";
    ThreadProfile profile;
    std::string line;
    std::string from;
    std::string to;
    while (std::getline(in, line)) {
        if (line.starts_with(caller)) {
            from = line.substr(caller.size());
        } else if (line.starts_with(callee)) {
            to = line.substr(callee.size());
        } else if (line.starts_with("calls=")) {
            if (std::getline(in, line) && from != to) profile.calls[to] += cost_of(line);
        } else if (line.starts_with(totals)) {
            profile.instructions = std::stoull(line.substr(totals.size()));
        }
    }
    return profile;
}

}  // namespace sluice::bench
