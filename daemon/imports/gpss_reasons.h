#pragma once

#include <string>

namespace sluice {

/// Of a key of GPSS's files that has no equal ("KAFKA.COMMIT.CONSISTENCY"): that it is not carried
/// over, and why, or what a person has to do.
[[nodiscard]] std::string why_without_equal(const std::string& key);

}  // namespace sluice
