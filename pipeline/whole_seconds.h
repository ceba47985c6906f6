#pragma once

#include <chrono>
#include <string>

namespace sluice {

/// For messages: "12 s".
[[nodiscard]] inline std::string whole_seconds(std::chrono::nanoseconds time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

}  // namespace sluice
