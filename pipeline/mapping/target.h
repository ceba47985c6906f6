#pragma once

#include "config/config.h"
#include "pipeline/mapping/table.h"

#include <string>

namespace sluice {

/// The table and the columns that this mapping fills, with all that decides how:
/// "public.orders (id bigint not null, city text)". Throws WrongConfiguration where the mapping
/// does not fit.
[[nodiscard]] std::string describe_target(const config::Ingest& ingest, const Table& table);

}  // namespace sluice
