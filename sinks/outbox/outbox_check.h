#pragma once

#include "config/config.h"
#include "sinks/catalogue/finding.h"
#include "sinks/session/session.h"

#include <string>
#include <vector>

namespace sluice {

/// What `sluice check` has to say of an outbox table, whose columns fit (read_outbox_table), and of
/// the books about it. Throws DatabaseError when the database does not answer.
[[nodiscard]] std::vector<Finding> check_outbox(Session& session, const config::Outbox& outbox,
                                                const std::string& schema);
/// Whether another pipeline has the same table, however it is spelled. Throws DatabaseError.
[[nodiscard]] std::vector<Finding> check_one_outbox_per_table(
    Session& session, const config::Outbox& outbox, const std::vector<config::Outbox>& all);

}  // namespace sluice
