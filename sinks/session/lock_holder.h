#pragma once

#include "sinks/session/session.h"

#include <string>

namespace sluice {

/// Who holds a lock that a session of this pipeline waits for, in words: "the session of postgres
/// (pid 4711, psql), active: SELECT". Its sessions are those whose application_name is this one's,
/// or this one's with a word behind it. Empty: nobody, as far as the role can tell, or the database
/// does not answer within seconds. A wait within a segment of an MPP database is not seen.
[[nodiscard]] std::string lock_holder(Session& session) noexcept;

}  // namespace sluice
