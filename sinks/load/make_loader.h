#pragma once

#include "config/config.h"
#include "pipeline/mapping/row_mapper.h"
#include "pipeline/mapping/targets.h"
#include "pipeline/table.h"
#include "segments/server.h"
#include "sinks/load/loader.h"

#include <memory>
#include <string>

namespace sluice {

/// The loader that a pipeline's mode asks for, of the rows that its mapper makes for the table.
/// `schema`: of Sluice's own tables. `segments`: who serves rows to them; null: all go by COPY.
[[nodiscard]] MakeLoader make_loader(const config::Ingest& ingest, const Table& table,
                                     const RowMapper& mapper, const std::string& schema,
                                     segments::Server* segments = nullptr);

/// Those of several targets. `registry`: null where none is configured. `segments`: as above.
[[nodiscard]] MakeLoaderOf loaders_of(const std::shared_ptr<const Targets>& targets,
                                      const std::shared_ptr<SchemaSource>& registry,
                                      const std::string& schema,
                                      segments::Server* segments = nullptr);

}  // namespace sluice
