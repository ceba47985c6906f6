#pragma once

#include "config/config.h"
#include "pipeline/table.h"
#include "registry/registry_client.h"
#include "sinks/catalogue/finding.h"

#include <string>
#include <vector>

namespace sluice {

/// What the schemas of these topics' records say of a target and its table. Of several topics, each
/// may have a schema of its own; very many are not looked at. A registry that is away is waited for
/// once, and by the pipeline, too: no error. `where`: of the findings; `registry`: null where none
/// is configured.
[[nodiscard]] std::vector<Finding> compare_with_schemas(const std::string& where,
                                                        const config::Ingest& ingest,
                                                        const std::vector<std::string>& topics,
                                                        const Table& table,
                                                        registry::RegistryClient* registry);

}  // namespace sluice
