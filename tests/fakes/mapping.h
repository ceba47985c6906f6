#pragma once

#include "pipeline/mapping/row_mapper.h"

namespace sluice::fakes {

/// The simplest pipeline: each record's value, an integer as text, becomes a row of one column. A
/// value that is none is a reject. Batches are small and quick.
[[nodiscard]] config::Ingest numbers_config();
[[nodiscard]] RowMapper numbers_mapper(const config::Ingest& config,
                                       const std::shared_ptr<SchemaSource>& registry = nullptr);

}  // namespace sluice::fakes
