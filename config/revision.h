#pragma once

#include "config/config.h"

#include <string>

namespace sluice::config {

/// 12 hex digits that change with anything configured (Config::revision itself aside), secrets
/// included, and not with comments, order or spelling. The same on every machine: FNV-1a of 64
/// bits over a canonical text, folded to 48. It tells revisions apart; it is no signature.
[[nodiscard]] std::string revision_of(const Config& config);

}  // namespace sluice::config
