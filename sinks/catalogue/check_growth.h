#pragma once

#include "config/config.h"
#include "pipeline/table.h"
#include "sinks/catalogue/finding.h"
#include "sinks/session/session.h"

#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// Of a target whose table follows schemas: whether this role may make it, or add columns to it.
/// `table`: nullopt where there is none yet.
[[nodiscard]] std::vector<Finding> check_growth_rights(Session& session, const std::string& where,
                                                       const config::Ingest& target,
                                                       const std::optional<Table>& table);

}  // namespace sluice
