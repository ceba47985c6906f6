#pragma once

#include <string>

namespace sluice {

/// As the machine is called, or the container.
[[nodiscard]] std::string host_name();

}  // namespace sluice
