#include "sinks/session/lock_holder.h"

#include "sinks/session/session.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;

// A server that is frozen takes the question, and never answers.
constexpr auto patience = 2s;

}  // namespace

std::string lock_holder(const std::string& dsn, const std::string& application_name) noexcept {
    try {
        Session session{dsn, application_name};
        session.send("SELECT 1");
        if (!session.answers_within(patience)) return {};
        session.finish();
        const Rows found = session.exec(
            "SELECT h.pid, coalesce(h.usename, '?'), coalesce(h.application_name, ''),"
            " coalesce(h.state, ''), coalesce(substring(h.query FROM '\\w+'), '')"
            " FROM (SELECT current_setting('application_name') AS name) our"
            " JOIN pg_stat_activity w ON w.application_name = our.name"
            " OR left(w.application_name, length(our.name) + 1) = our.name || ' '"
            " CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) b (pid)"
            " JOIN pg_stat_activity h ON h.pid = b.pid"
            " WHERE w.datname = current_database() AND w.usename = current_user LIMIT 1");
        if (found.rows.empty()) return {};
        const std::string& program = found.text(0, 2);
        const std::string& state = found.text(0, 3);
        return "the session of " + found.text(0, 1) + " (pid " + found.text(0, 0) +
               (program.empty() ? "" : ", " + program) + ")" +
               // Of another user's session these are for members of pg_read_all_stats.
               (state.empty() ? "" : ", " + state + ": " + found.text(0, 4));
    } catch (const std::exception&) {
        return {};
    }
}

}  // namespace sluice
