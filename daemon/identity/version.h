#pragma once

#include <string>

namespace sluice {

/// Of this build: "0.1.0".
[[nodiscard]] std::string version();

}  // namespace sluice
