#pragma once

#include "config/config.h"
#include "segments/server.h"
#include "sinks/catalogue/finding.h"
#include "sinks/session/session.h"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice {

/// Has the database's segments fetch one row from the server, for a table that nobody keeps; how
/// many rows that made. Throws DatabaseError.
[[nodiscard]] std::int64_t send_one_row(Session& session, segments::Server& server);

/// Has the database's segments fetch one row from the server, for a table that nobody keeps, and
/// says what to do where they cannot: an error where the pipeline would wait for that, a warning
/// where rows go by COPY instead. `where`: of the findings.
[[nodiscard]] std::vector<Finding> check_segments(Session& session, const std::string& where,
                                                  config::Load load, segments::Server& server);

}  // namespace sluice
