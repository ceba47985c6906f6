#pragma once

#include "config/config.h"
#include "sinks/catalogue/finding.h"

#include <string>
#include <vector>

namespace sluice {

/// Columns, and fields that SQL reads, that take as it is what another one hides (as = "sha256",
/// mask), by itself or as a part of theirs: a warning for each. `where` is what the findings are
/// about.
[[nodiscard]] std::vector<Finding> check_hidden(const std::string& where,
                                                const config::Ingest& ingest);

}  // namespace sluice
