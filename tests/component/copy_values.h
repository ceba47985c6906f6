#pragma once

#include "pipeline/table.h"

#include <string>
#include <vector>

namespace sluice::test {

/// A column type, and texts to try with it.
struct Type {
    const char* sql;
    ColumnType type;
    std::vector<std::string> common;  ///< must be encoded in binary
    std::vector<std::string> others;  ///< any form, or refused
};

[[nodiscard]] const std::vector<Type>& types_to_copy();

}  // namespace sluice::test
