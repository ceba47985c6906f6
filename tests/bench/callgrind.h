#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace sluice::bench {

/// What callgrind counted on one thread. Source of the format: valgrind's manual, "Callgrind Format
/// Specification", written with --compress-strings=no --compress-pos=no.
struct ThreadProfile {
    std::uint64_t instructions = 0;
    /// Of a function's calls, by its name: what they took, and what they called took.
    std::map<std::string, std::uint64_t> calls;

    /// Of all functions that have this in their name; callers among them are not counted twice when
    /// only one of them has it.
    [[nodiscard]] std::uint64_t within(const std::string& function) const;
};

[[nodiscard]] ThreadProfile read_callgrind(const std::filesystem::path& file);

}  // namespace sluice::bench
