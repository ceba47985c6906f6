#pragma once

#include "schemas/row_fields.h"

#include <string_view>

namespace sluice {

/// Of Kafka Connect's schema of a change event, as JSON: the fields of its row, which is its
/// "after", or itself.
[[nodiscard]] schemas::RowFields connect_fields(std::string_view schema);

}  // namespace sluice
