#pragma once

#include <string>

namespace sluice {

/// Who writes, for people who read progress and ledger: "host:pid".
[[nodiscard]] std::string writer_name();

}  // namespace sluice
