#pragma once

#include "config/config.h"
#include "pipeline/record.h"
#include "pipeline/values/scratch.h"
#include "pipeline/values/value.h"

#include <string>

namespace sluice {

/// Whether such a source is the record around its value, not a part within value or key.
[[nodiscard]] bool is_metadata(config::Source::Kind kind);

/// What a source of metadata holds for one record. Views into the record, its topic's name or
/// Scratch. `buffer` is overwritten.
[[nodiscard]] Value metadata_of(const Record& record, const config::Source& source,
                                Scratch& scratch, std::string& buffer);

}  // namespace sluice
