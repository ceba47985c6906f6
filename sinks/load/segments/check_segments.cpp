#include "sinks/load/segments/check_segments.h"

#include "sinks/load/segments/segment_transfer.h"
#include "sinks/session/server_family.h"

#include <cstdint>

namespace sluice {
namespace {

using Severity = Finding::Severity;

}  // namespace

std::int64_t send_one_row(Session& session, segments::Server& server) {
    const Transaction transaction(session,
                                  "SET LOCAL statement_timeout = '20s';"
                                  "CREATE TEMPORARY TABLE sluice_way (row int)");
    EncodedRows row;
    row.bytes = "1\n";
    row.rows.push_back({.record = 0, .end = row.bytes.size()});
    return SegmentTransfer(
               session,
               {.server = &server, .pipeline = "check", .unfetched = SegmentRoute::Unfetched::say},
               {.relation = "pg_temp.sluice_way", .columns = {"row"}})
        .insert(row);
}

std::vector<Finding> check_segments(Session& session, const std::string& where, config::Load load,
                                    segments::Server& server) {
    const std::string by_copy = "; rows go by COPY";
    if (!is_mpp(session.family()))
        return {
            {Severity::warning, where, "load: " + (no_segments + by_copy), "set load = \"copy\""}};
    if (server.listening().empty())
        return {{Severity::hint, where,
                 "load: whether segments reach the daemon was not tried, since its address for "
                 "them is taken, perhaps by a daemon that runs already"}};
    try {
        if (send_one_row(session, server) == 1) return {};
        return {{Severity::error, where, "load: segments have fetched a row and not inserted it",
                 "set load = \"copy\""}};
    } catch (const SegmentsClosed& no_table) {
        return {{Severity::warning, where, std::string("load: ") + no_table.what() + by_copy,
                 remedy_of_rights(role_of(session))}};
    } catch (const DatabaseError& error) {
        const std::string what =
            "load: segments do not fetch rows from " + server.url("") + ": " + error.what();
        if (load == config::Load::segments)
            return {{Severity::error, where, what, remedy_of_way(server)}};
        return {{Severity::warning, where, what + by_copy, remedy_of_way(server)}};
    }
}

}  // namespace sluice
