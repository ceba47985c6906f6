#pragma once

#include "daemon/imports/connector.h"

#include <string>
#include <vector>

namespace sluice {

/// The configuration that does what these sink connectors did: Confluent's or Aiven's JDBC sink,
/// Debezium's JDBC sink. What has no equal, and what is for a person to decide, is in comments
/// where it belongs. Throws WrongConfiguration when none of them is such a sink.
[[nodiscard]] std::string to_toml(const std::vector<Connector>& connectors);

}  // namespace sluice
