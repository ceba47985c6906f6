#pragma once

#include "config/config.h"
#include "sinks/catalogue/finding.h"
#include "sinks/session/session.h"

#include <string>
#include <vector>

namespace sluice {

/// Progress is a pipeline's by its name: one that was renamed begins again, and loads all that it
/// has loaded. A warning where `ingest` has none and a pipeline that `all` does not name has some
/// of its topic. `schema`: of Sluice's tables; nothing where they are not there, or may not be
/// read.
[[nodiscard]] std::vector<Finding> check_renamed(Session& session, const config::Ingest& ingest,
                                                 const std::vector<config::Ingest>& all,
                                                 const std::string& schema);

}  // namespace sluice
