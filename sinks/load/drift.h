#pragma once

#include "pipeline/table.h"
#include "sinks/session/session.h"

#include <string>
#include <vector>

namespace sluice {

/// Throws TroubleOfTheWorld when these columns of the table, or whatever else decides what its rows
/// look like, are not what they were when it was looked up. In a transaction that has loaded into
/// it, its lock keeps it as it is until the end.
void refuse_drift_of(Session& session, const Table& table, const std::vector<std::string>& columns);
/// The same of all columns, and of how many there are.
void refuse_any_drift_of(Session& session, const Table& table);

}  // namespace sluice
