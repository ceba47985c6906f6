#include "sinks/books/tip.h"

#include "sinks/session/server_family.h"
#include "sinks/session/sql_text.h"

namespace sluice {
namespace {

/// Those of the tips' rows, or of their anchors, that are there. Each key is written out, and the
/// statement is planned anew each time: so an MPP database, too, looks into its index, and nobody
/// goes on reading the whole table because that was small when the session began.
std::string written_out(const PipelineIdentity& identity, std::span<const Tip> tips, bool rows) {
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
    if (keys.empty()) return "";
    return "SELECT topic, kafka_partition FROM " + identity.own_table(rows ? "ledger" : "anchor") +
           " WHERE pipeline = $1::text AND cluster_id = $2::text AND (" + keys + ")";
}

/// The same. The arrays are part of the text, so that the planner knows how many there are.
std::string joined(const PipelineIdentity& identity, std::span<const Tip> tips, bool rows) {
    std::vector<std::string> topics;
    std::vector<std::int64_t> numbers;
    std::vector<std::int64_t> incarnations;
    std::vector<std::int64_t> begins;
    std::vector<std::int64_t> ends;
    for (const Tip& tip : tips) {
        if (tip.begins.has_value() != rows) continue;
        const TopicPartition& named = (*identity.partitions)[tip.partition];
        topics.push_back(named.topic);
        numbers.push_back(named.number);
        incarnations.push_back(tip.incarnation);
        if (tip.begins) begins.push_back(*tip.begins);
        ends.push_back(tip.next);
    }
    if (topics.empty()) return "";
    const auto column = [](const auto& values, const char* type, const char* name) {
        return std::string("unnest(") + quote_literal(array_literal(values)) + "::" + type +
               "[]) AS " + name;
    };
    return "SELECT topic, kafka_partition FROM (SELECT " + column(topics, "text", "topic") + ", " +
           column(numbers, "int", "kafka_partition") + ", " +
           column(incarnations, "int", "incarnation") + ", " +
           (rows ? column(begins, "bigint", "from_offset") + ", " : "") +
           column(ends, "bigint", rows ? "to_offset" : "anchor_offset") + ") k JOIN " +
           identity.own_table(rows ? "ledger" : "anchor") +
           " l USING (topic, kafka_partition, incarnation, " +
           (rows ? "from_offset, to_offset" : "anchor_offset") +
           ") WHERE l.pipeline = $1::text AND l.cluster_id = $2::text";
}

/// Of the partition that `topic` and `number`, SQL, name. Neither of the two looks depends on the
/// other, so that an MPP database, too, asks its indexes.
std::string look_at_tip(const std::string& schema, const std::string& topic,
                        const std::string& number) {
    const std::string own = quote_identifier(schema);
    const std::string where =
        " WHERE pipeline = $1::text AND cluster_id = $2::text AND topic = " + topic +
        " AND kafka_partition = " + number;
    return "SELECT coalesce(l.to_offset, a.anchor_offset) AS next_offset, a.anchor_offset,"
           " a.incarnation, l.from_offset, coalesce(l.last_offset, -1) AS last_offset,"
           " coalesce(l.last_timestamp_ms, -1) AS last_timestamp_ms,"
           " coalesce(l.last_checksum, 0) AS last_checksum,"
           " coalesce(l.committed_at, a.anchored_at) AS moved_at,"
           " coalesce(l.writer, a.writer) AS writer FROM (SELECT * FROM " +
           own + ".anchor" + where +
           " ORDER BY incarnation DESC LIMIT 1) a LEFT JOIN (SELECT * FROM " + own + ".ledger" +
           where +
           " ORDER BY incarnation DESC, from_offset DESC LIMIT 1) l"
           " ON l.incarnation = a.incarnation";
}

Tip tip_in(const Rows& rows, std::size_t row, PartitionId partition) {
    Tip tip{.partition = partition,
            .next = rows.number(row, tip_next),
            .incarnation = static_cast<int>(rows.number(row, tip_incarnation)),
            .begins = std::nullopt,
            .last = {rows.number(row, tip_last_offset), rows.number(row, tip_last_timestamp),
                     static_cast<std::uint32_t>(rows.number(row, tip_last_checksum))}};
    if (rows.rows[row][tip_begins]) tip.begins = rows.number(row, tip_begins);
    return tip;
}

}  // namespace

Row partition_key(const PipelineIdentity& identity, PartitionId partition) {
    const TopicPartition& named = (*identity.partitions)[partition];
    return {identity.pipeline, identity.cluster_id, named.topic, std::to_string(named.number)};
}

std::string tip_statement(const std::string& schema) {
    return look_at_tip(schema, "$3::text", "$4::int");
}

Rows read_tip_row(Session& session, const std::string& schema, const Row& key) {
    return session.exec(tip_statement(schema), key);
}

std::optional<Tip> read_tip(Session& session, const PipelineIdentity& identity,
                            PartitionId partition) {
    const Rows row = read_tip_row(session, identity.schema, partition_key(identity, partition));
    if (row.rows.empty()) return std::nullopt;
    return tip_in(row, 0, partition);
}

std::vector<Tip> read_tips(Session& session, const PipelineIdentity& identity,
                           std::span<const PartitionId> partitions) {
    std::vector<Tip> tips;
    // An MPP database has no plan for a look that depends on the row beside it.
    if (partitions.size() < 2 || is_mpp(session.family())) {
        for (const PartitionId partition : partitions)
            if (const auto tip = read_tip(session, identity, partition)) tips.push_back(*tip);
        return tips;
    }
    std::vector<std::string> topics;
    std::vector<std::int64_t> numbers;
    std::vector<std::int64_t> ids;
    for (const PartitionId partition : partitions) {
        const TopicPartition& named = (*identity.partitions)[partition];
        topics.push_back(named.topic);
        numbers.push_back(named.number);
        ids.push_back(partition);
    }
    const Rows rows = session.exec(
        "SELECT t.*, v.id FROM (SELECT unnest($3::text[]) AS topic, unnest($4::int[]) AS number,"
        " unnest($5::bigint[]) AS id) v CROSS JOIN LATERAL (" +
            look_at_tip(identity.schema, "v.topic", "v.number") + ") t",
        {identity.pipeline, identity.cluster_id, array_literal(topics), array_literal(numbers),
         array_literal(ids)});
    for (std::size_t row = 0; row < rows.rows.size(); ++row)
        tips.push_back(tip_in(rows, row, static_cast<PartitionId>(rows.number(row, tip_columns))));
    return tips;
}

std::string still_there(const PipelineIdentity& identity, std::span<const Tip> tips, TipKeys keys) {
    const auto those = keys == TipKeys::joined ? joined : written_out;
    const std::string rows = those(identity, tips, true);
    const std::string anchors = those(identity, tips, false);
    return "(" + rows + (rows.empty() || anchors.empty() ? "" : " UNION ALL ") + anchors + ")";
}

}  // namespace sluice
