#include "sinks/load/segments/check_segments.h"

#include "sinks/load/segments/segment_transfer.h"
#include "sinks/session/server_family.h"

#include <cstdint>

namespace sluice {
namespace {

using Severity = Finding::Severity;

std::int64_t send_one_row(Session& session, segments::Server& server) {
    const Transaction transaction(session,
                                  "SET LOCAL statement_timeout = '20s';"
                                  "CREATE TEMPORARY TABLE sluice_way (row int)");
    EncodedRows row;
    row.bytes = "1\n";
    row.rows.push_back({.record = 0, .end = row.bytes.size()});
    return SegmentTransfer(session, {.server = &server, .pipeline = "check"},
                           {.relation = "pg_temp.sluice_way", .columns = {"row"}})
        .insert(row);
}

}  // namespace

std::vector<Finding> check_segments(Session& session, const std::string& where,
                                    segments::Server& server) {
    if (!is_mpp(session.family()))
        return {{Severity::error, where,
                 "load: the database has no segments that could fetch rows, as Cloudberry and "
                 "Greenplum have",
                 "set load = \"copy\""}};
    if (server.listening().empty())
        return {{Severity::hint, where,
                 "load: whether segments reach the daemon was not tried, since its address for "
                 "them is taken, perhaps by a daemon that runs already"}};
    const std::string url = server.url("");
    try {
        if (send_one_row(session, server) == 1) return {};
        return {{Severity::error, where, "load: segments have fetched a row and not inserted it",
                 "set load = \"copy\""}};
    } catch (const DatabaseError& error) {
        if (error.sqlstate() == "42501")
            return {{Severity::error, where, std::string("load: ") + error.what(),
                     "ALTER ROLE " + role_of(session) +
                         " CREATEEXTTABLE (type='readable', protocol='gpfdist'), and GRANT "
                         "TEMPORARY on the database"}};
        return {{Severity::error, where,
                 "load: segments do not fetch rows from " + url + ": " + error.what(),
                 "each segment's host must reach that address: look at advertise in [segments], "
                 "at the port in the Service and NetworkPolicy, and at firewalls; curl -i http://" +
                     url.substr(url.find("//") + 2) + "/ answers there with 400 or 404"}};
    }
}

}  // namespace sluice
