#pragma once

#include <map>
#include <string>

namespace sluice::conformance {

/// The connection string, in either of libpq's spellings, with these options in the place of its
/// own.
[[nodiscard]] std::string with_options(const std::string& dsn,
                                       const std::map<std::string, std::string>& options);

}  // namespace sluice::conformance
