#pragma once

#include "daemon/imports/connector.h"
#include "daemon/imports/connector_options.h"

#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// Which sink it is.
enum class ConnectorKind { jdbc, debezium };
/// nullopt: none that is known here.
[[nodiscard]] std::optional<ConnectorKind> kind_of(const Connector& connector);

/// The sections [ingest.NAME] of one connector: one for each topic that has a table of its own.
/// `options` loses what they tell; `pipelines` are the names that are taken, and gains theirs.
[[nodiscard]] std::string sections_of(const Connector& connector, ConnectorKind kind,
                                      ConnectorOptions& options,
                                      std::vector<std::string>& pipelines);

}  // namespace sluice
