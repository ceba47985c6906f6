#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace sluice {

/// An outbox pipeline's work at one moment: a value, for people and machines who look.
struct OutboxStatus {
    enum class Role { starting, standby, leader };

    Role role = Role::starting;
    std::int64_t events = 0;  ///< sent, all since the pipeline was configured, as are these
    std::int64_t bytes = 0;
    std::int64_t refused = 0;
    std::optional<std::int64_t> open_refused;  ///< in the database, once they were counted
    bool was_empty = false;  ///< a look found nothing to send, since the pipeline was configured
    double events_per_second = 0;
    double bytes_per_second = 0;
    double backlog_seconds = 0;  ///< for how long there has been something to send
    std::string held_up;         ///< why what was sent is not deleted; empty: all is well
    std::optional<std::chrono::system_clock::time_point> last_commit;
};
[[nodiscard]] const char* name_of(OutboxStatus::Role role);

}  // namespace sluice
