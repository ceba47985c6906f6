#pragma once

#include "config/config.h"

namespace sluice::config {

/// Whether who has the one has the other: it is the same, or within it. Of a change event the row
/// as it was (@before) is like the row as it is.
[[nodiscard]] bool holds(const Source& whole, const Source& part);
/// Whether a column or field that takes `part` with its source leaves it out (drop).
[[nodiscard]] bool drops(const ColumnMapping& whole, const Source& part);
/// Whether what a source gives tells of what some column hides (as = "sha256", mask) or leaves out
/// (drop): all of it, more than that or a part.
[[nodiscard]] bool tells_hidden(const Ingest& ingest, const Source& source);

}  // namespace sluice::config
