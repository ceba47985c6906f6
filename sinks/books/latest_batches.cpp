#include "sinks/books/latest_batches.h"

#include "sinks/session/sql_text.h"

namespace sluice {

std::vector<LatestBatch> latest_batches(Session& session, const std::string& schema,
                                        const std::string& pipeline, std::int64_t limit) {
    const Rows rows = session.exec(
        "SELECT (extract(epoch FROM committed_at) * 1000)::bigint, topic, kafka_partition,"
        " from_offset, to_offset, loaded, rejected,"
        " filtered + superseded + unmatched + gaps + lost, kind, writer, revision FROM " +
            quote_identifier(schema) +
            ".ledger WHERE pipeline = $1::text"
            " ORDER BY committed_at DESC, topic, kafka_partition, to_offset DESC LIMIT " +
            std::to_string(limit),
        {pipeline});
    std::vector<LatestBatch> batches;
    for (std::size_t row = 0; row < rows.rows.size(); ++row) {
        const std::chrono::milliseconds at{rows.number(row, 0)};
        batches.push_back({.at = std::chrono::system_clock::time_point(at),
                           .topic = rows.text(row, 1),
                           .partition = static_cast<PartitionNumber>(rows.number(row, 2)),
                           .from = rows.number(row, 3),
                           .to = rows.number(row, 4),
                           .loaded = rows.number(row, 5),
                           .rejected = rows.number(row, 6),
                           .left_out = rows.number(row, 7),
                           .kind = rows.text(row, 8),
                           .writer = rows.text(row, 9),
                           .revision = rows.text(row, 10)});
    }
    return batches;
}

}  // namespace sluice
