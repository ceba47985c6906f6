#include "sinks/outbox/latest_claims.h"

#include "sinks/session/sql_text.h"

namespace sluice {

std::vector<LatestClaim> latest_claims(Session& session, const std::string& schema,
                                       const std::string& relay, std::int64_t limit) {
    const Rows rows = session.exec(
        "SELECT (extract(epoch FROM made_at) * 1000)::bigint, batch, kind, cardinality(ids),"
        " writer, revision FROM " +
            quote_identifier(schema) +
            ".outbox_batch WHERE relay = $1::text ORDER BY batch DESC, round DESC LIMIT " +
            std::to_string(limit),
        {relay});
    std::vector<LatestClaim> claims;
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        const std::chrono::milliseconds at{rows.number(row, 0)};
        claims.push_back({.at = std::chrono::system_clock::time_point(at),
                          .batch = rows.number(row, 1),
                          .kind = rows.text(row, 2),
                          .events = rows.number(row, 3),
                          .writer = rows.text(row, 4),
                          .revision = rows.text(row, 5)});
    }
    return claims;
}

}  // namespace sluice
