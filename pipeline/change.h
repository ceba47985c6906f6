#pragma once

#include <cstdint>

namespace sluice {

/// What a record says of a row.
enum class Change : std::uint8_t {
    upsert,    ///< it is as the record says
    remove,    ///< it is gone
    truncate,  ///< all rows of the table are gone
    none,      ///< nothing: the record counts as filtered
};

}  // namespace sluice
