#include "sinks/books/tip.h"

#include "sinks/session/sql_text.h"

namespace sluice {
namespace {

/// How many of the tips' rows, or of their anchors, there are. Each key is written out, and the
/// statement is planned anew each time: so an MPP database, too, looks into its index, and nobody
/// goes on reading the whole table because that was small when the session began.
std::string count_of(const PipelineIdentity& identity, std::span<const Tip> tips, bool rows) {
    std::string keys;
    for (const Tip& tip : tips) {
        if (tip.begins.has_value() != rows) continue;
        const TopicPartition& named = (*identity.partitions)[tip.partition];
        keys += (keys.empty() ? "(topic = " : " OR (topic = ") + quote_literal(named.topic) +
                " AND kafka_partition = " + std::to_string(named.number) +
                " AND incarnation = " + std::to_string(tip.incarnation);
        if (tip.begins) keys += " AND from_offset = " + std::to_string(*tip.begins);
        keys += (rows ? " AND to_offset = " : " AND anchor_offset = ") + std::to_string(tip.next);
        keys += ")";
    }
    if (keys.empty()) return "0";
    return "(SELECT count(*) FROM " + identity.own_table(rows ? "ledger" : "anchor") +
           " WHERE pipeline = $1::text AND cluster_id = $2::text AND (" + keys + "))";
}

}  // namespace

Row partition_key(const PipelineIdentity& identity, PartitionId partition) {
    const TopicPartition& named = (*identity.partitions)[partition];
    return {identity.pipeline, identity.cluster_id, named.topic, std::to_string(named.number)};
}

std::string tip_statement(const std::string& schema) {
    const std::string own = quote_identifier(schema);
    // Neither of the two depends on the other, so that an MPP database, too, asks its indexes.
    return "SELECT coalesce(l.to_offset, a.anchor_offset), a.anchor_offset, a.incarnation,"
           " l.from_offset, coalesce(l.last_offset, -1), coalesce(l.last_timestamp_ms, -1),"
           " coalesce(l.last_checksum, 0), coalesce(l.committed_at, a.anchored_at),"
           " coalesce(l.writer, a.writer) FROM (SELECT * FROM " +
           own + ".anchor" + of_partition +
           " ORDER BY incarnation DESC LIMIT 1) a LEFT JOIN (SELECT * FROM " + own + ".ledger" +
           of_partition +
           " ORDER BY incarnation DESC, from_offset DESC LIMIT 1) l"
           " ON l.incarnation = a.incarnation";
}

Rows read_tip_row(Session& session, const std::string& schema, const Row& key) {
    return session.exec(tip_statement(schema), key);
}

std::optional<Tip> read_tip(Session& session, const PipelineIdentity& identity,
                            PartitionId partition) {
    const Rows row = read_tip_row(session, identity.schema, partition_key(identity, partition));
    if (row.rows.empty()) return std::nullopt;
    Tip tip{.partition = partition,
            .next = row.number(0, tip_next),
            .incarnation = static_cast<int>(row.number(0, tip_incarnation)),
            .begins = std::nullopt,
            .last = {row.number(0, tip_last_offset), row.number(0, tip_last_timestamp),
                     static_cast<std::uint32_t>(row.number(0, tip_last_checksum))}};
    if (row.rows[0][tip_begins]) tip.begins = row.number(0, tip_begins);
    return tip;
}

std::string still_there(const PipelineIdentity& identity, std::span<const Tip> tips) {
    return count_of(identity, tips, true) + " + " + count_of(identity, tips, false) + " = " +
           std::to_string(tips.size());
}

}  // namespace sluice
