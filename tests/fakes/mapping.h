#pragma once

#include "pipeline/mapping/record_router.h"

namespace sluice::fakes {

/// The simplest pipeline: each record's value, an integer as text, becomes a row of one column. A
/// value that is none is a reject. Batches are small and quick.
[[nodiscard]] config::Ingest numbers_config();
[[nodiscard]] RowMapper numbers_mapper(const config::Ingest& config,
                                       const std::shared_ptr<SchemaSource>& registry = nullptr);

/// The same pipeline with this many topics, "numbers.0" and so on, each with a table of its own.
[[nodiscard]] config::Ingest numbers_by_topic(int topics);
/// From now on the topic has its table.
void give_table(Targets& targets, const config::Ingest& config, const std::string& topic);
/// To the tables that topics have in `targets`, or to the only one.
[[nodiscard]] RecordRouter numbers_router(const config::Ingest& config,
                                          const std::shared_ptr<const Targets>& targets,
                                          const std::shared_ptr<SchemaSource>& registry = nullptr);

}  // namespace sluice::fakes
