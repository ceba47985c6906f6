#pragma once

#include "config/config.h"

#include <string>
#include <vector>

namespace sluice {

/// CREATE VIEW over a table that has a row for each change (mode = "append" of change events): each
/// state of a row, from when and until when it was the one (a slowly changing dimension of type 2).
/// `key`: columns that tell rows of the source apart. Throws WrongConfiguration where the pipeline
/// keeps no history, with what it lacks for that.
[[nodiscard]] std::string history_view_ddl(const config::Ingest& ingest,
                                           const std::vector<std::string>& key);

}  // namespace sluice
