#pragma once

#include "config/config.h"
#include "pipeline/table.h"

#include <string>
#include <vector>

namespace sluice {

/// The table and the columns that this mapping fills, with all that decides how:
/// "public.orders (id bigint not null, city text)". Throws WrongConfiguration where the mapping
/// does not fit.
[[nodiscard]] std::string describe_target(const config::Ingest& ingest, const Table& table);

/// config::targets_of_topic(). Throws WrongConfiguration where one has no table.
[[nodiscard]] std::vector<config::Ingest> targets_of_topic(const config::Ingest& ingest,
                                                           const std::string& topic,
                                                           const std::string& own_schema);

}  // namespace sluice
