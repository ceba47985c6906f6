#pragma once

#include "config/config.h"
#include "sinks/session/session.h"

#include <string>

namespace sluice {

/// A table that suits the pipeline, with the columns that it is configured to read: idempotent DDL,
/// and as comments the grants that belong to it.
[[nodiscard]] std::string outbox_ddl(const config::Outbox& outbox, Family family);

/// Whether the table is there, whatever it looks like. Throws DatabaseError.
[[nodiscard]] bool has_table(Session& session, const config::Outbox& outbox);

}  // namespace sluice
