#pragma once

#include "config/toml/reader.h"

#include <string>
#include <string_view>

/// Names that sections of every kind have.
namespace sluice::config {

/// NAME of [ingest.NAME] or [outbox.NAME], which stands at `at`.
void check_pipeline_name(const TableReader& section, const std::string& name, Place at);

/// Whether it is one that Kafka takes; else a problem is added. `key` is whose text it is.
bool check_topic_name(const TableReader& section, std::string_view key, const Text& topic);

/// Requires `table`. `example` is what a missing one is told by, `unusual` one with a quoted part.
void read_table_name(TableReader& section, std::string_view example, std::string_view unusual,
                     std::string& target);

}  // namespace sluice::config
