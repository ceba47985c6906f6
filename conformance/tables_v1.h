#pragma once

#include <string_view>

namespace sluice::conformance {

/// tables_v1.sql.
extern const std::string_view tables_v1;

}  // namespace sluice::conformance
