#include "sinks/books/read_so_far.h"

#include "sinks/books/tip.h"

namespace sluice {

std::set<std::string> topics_with_progress(Session& session, const PipelineIdentity& identity) {
    const Rows rows = session.exec("SELECT DISTINCT topic FROM " + identity.own_table("anchor") +
                                       " WHERE pipeline = $1 AND cluster_id = $2",
                                   {identity.pipeline, identity.cluster_id});
    std::set<std::string> topics;
    for (std::size_t row = 0; row < rows.rows.size(); ++row) topics.insert(rows.text(row, 0));
    return topics;
}

std::optional<ReadSoFar> read_so_far(Session& session, const PipelineIdentity& identity,
                                     const std::string& topic) {
    const Rows partitions = session.exec(
        "SELECT DISTINCT kafka_partition FROM " + identity.own_table("anchor") +
            " WHERE pipeline = $1::text AND cluster_id = $2::text AND topic = $3::text ORDER BY 1",
        {identity.pipeline, identity.cluster_id, topic});
    for (std::size_t row = 0; row < partitions.rows.size(); ++row) {
        const Rows tip =
            read_tip_row(session, identity.schema,
                         {identity.pipeline, identity.cluster_id, topic, partitions.text(row, 0)});
        // An anchor alone is where reading is to begin.
        if (tip.rows.empty() || !tip.rows[0][tip_begins]) continue;
        return ReadSoFar{static_cast<PartitionNumber>(partitions.number(row, 0)),
                         tip.number(0, tip_next)};
    }
    return std::nullopt;
}

}  // namespace sluice
