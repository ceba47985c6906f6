#pragma once

#include "config/config.h"
#include "pipeline/mapping/row_mapper.h"
#include "pipeline/mapping/table.h"
#include "sinks/load/loader.h"

#include <string>

namespace sluice {

/// The loader that a pipeline's mode asks for, of the rows that its mapper makes for the table.
/// `schema`: of Sluice's own tables.
[[nodiscard]] MakeLoader make_loader(const config::Ingest& ingest, const Table& table,
                                     const RowMapper& mapper, const std::string& schema);

}  // namespace sluice
