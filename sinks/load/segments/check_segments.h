#pragma once

#include "segments/server.h"
#include "sinks/catalogue/finding.h"
#include "sinks/session/session.h"

#include <string>
#include <vector>

namespace sluice {

/// Has the database's segments fetch one row from the server, for a table that nobody keeps, and
/// says what to do where they cannot. `where`: of the findings.
[[nodiscard]] std::vector<Finding> check_segments(Session& session, const std::string& where,
                                                  segments::Server& server);

}  // namespace sluice
