#pragma once

#include <string>

namespace sluice {

/// Who holds a lock that a session of a pipeline waits for, in words: "the session of postgres (pid
/// 4711, psql), active: SELECT". Its sessions are those whose application_name is this one, or this
/// one with a word behind it. Empty: nobody, as far as the role can tell, or the database does not
/// answer within seconds. A wait within a segment of an MPP database is not seen. On a connection
/// of its own, seldom wanted as it is; connecting may take the DSN's connect_timeout.
[[nodiscard]] std::string lock_holder(const std::string& dsn,
                                      const std::string& application_name) noexcept;

}  // namespace sluice
