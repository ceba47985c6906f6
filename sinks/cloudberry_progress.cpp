#include "sinks/cloudberry_progress.h"

#include "pipeline/errors.h"
#include "sinks/sql_text.h"

#include <cstdlib>

namespace sluice {
CloudberryProgress::CloudberryProgress(const std::string& dsn, PipelineIdentity identity)
    : identity_(std::move(identity)), session_(dsn, "sluice/" + identity_.pipeline) {}

template <typename Call>
auto CloudberryProgress::guarded(Call call) {
    try {
        return call();
    } catch (const DatabaseError& error) {
        throw TroubleOfTheWorld(std::string("progress: ") + error.what());
    } catch (const OutcomeUnknown& error) {
        throw TroubleOfTheWorld(std::string("progress: ") + error.what());
    }
}

std::vector<ResumePoint> CloudberryProgress::read(std::span<const PartitionId> partitions) {
    const std::vector<std::int64_t> wanted(partitions.begin(), partitions.end());
    return guarded([&] {
        const Rows rows = session_.exec(
            "SELECT kafka_partition, next_offset, last_offset, last_timestamp_ms, last_checksum,"
            " incarnation FROM " +
                identity_.own_table("progress") + " p WHERE" + of_pipeline +
                " AND kafka_partition = ANY ($4::int[])",
            {identity_.pipeline, identity_.cluster_id, identity_.topic, array_literal(wanted)});
        std::vector<ResumePoint> points;
        for (std::size_t row = 0; row < rows.rows.size(); ++row) {
            ResumePoint& point = points.emplace_back();
            point.partition = static_cast<PartitionId>(rows.number(row, 0));
            point.next = rows.number(row, 1);
            point.last = {rows.number(row, 2), rows.number(row, 3),
                          static_cast<std::uint32_t>(rows.number(row, 4))};
            point.incarnation = static_cast<int>(rows.number(row, 5));
        }
        return points;
    });
}

bool CloudberryProgress::any() {
    return guarded([&] {
        const Rows rows =
            session_.exec("SELECT EXISTS (SELECT 1 FROM " + identity_.own_table("progress") +
                              " p WHERE" + of_pipeline + ")",
                          {identity_.pipeline, identity_.cluster_id, identity_.topic});
        return rows.text(0, 0) == "t";
    });
}

void CloudberryProgress::anchor(std::span<const Position> starts) {
    std::vector<std::int64_t> partitions;
    std::vector<std::int64_t> offsets;
    for (const Position& start : starts) {
        partitions.push_back(start.partition);
        offsets.push_back(start.next);
    }
    guarded([&] {
        session_.exec(
            "INSERT INTO " + identity_.own_table("progress") +
                " (pipeline, cluster_id, topic, kafka_partition, next_offset,"
                " anchor_offset, writer)"
                " SELECT $1::text, $2::text, $3::text, v.kafka_partition, v.start, v.start,"
                " $4::text"
                " FROM (SELECT unnest($5::int[]) AS kafka_partition,"
                " unnest($6::bigint[]) AS start) v"
                " ON CONFLICT DO NOTHING",
            {identity_.pipeline, identity_.cluster_id, identity_.topic, identity_.writer,
             array_literal(partitions), array_literal(offsets)});
    });
}

bool CloudberryProgress::skip_lost(PartitionId partition, OffsetRange range) {
    // What follows is another record; the one before it is gone from Kafka, so none is known.
    return take({partition, range, "skipped", "next_offset = " + std::to_string(range.to)});
}

bool CloudberryProgress::begin_anew(PartitionId partition, Offset next, Offset start) {
    const std::string at = std::to_string(start);
    return take(
        {partition,
         {next, next},
         "ended",
         "incarnation = p.incarnation + 1, anchor_offset = " + at + ", next_offset = " + at});
}

bool CloudberryProgress::set(const ResumePoint& now, Offset to) {
    const std::string at = std::to_string(to);
    if (to >= now.next) {
        return take({.partition = now.partition,
                     .range = {now.next, to},
                     .kind = "moved",
                     .set = "next_offset = " + at,
                     .incarnation = now.incarnation});
    }
    return take(
        {.partition = now.partition,
         .range = {now.next, now.next},
         .kind = "rewound",
         .set = "incarnation = p.incarnation + 1, anchor_offset = " + at + ", next_offset = " + at,
         .incarnation = now.incarnation});
}

bool CloudberryProgress::take(const Step& step) {
    const Row key = {identity_.pipeline,
                     identity_.cluster_id,
                     identity_.topic,
                     std::to_string(step.partition),
                     std::to_string(step.range.from),
                     identity_.writer};
    std::string at_beginning =
        std::string(of_pipeline) + " AND p.kafka_partition = $4 AND p.next_offset = $5::bigint";
    if (step.incarnation)
        at_beginning += " AND p.incarnation = " + std::to_string(*step.incarnation);
    return guarded([&] {
        Transaction transaction(session_);
        Row ledger = key;
        ledger.insert(ledger.end(), {std::to_string(step.range.to), identity_.revision, step.kind});
        session_.exec("INSERT INTO " + identity_.own_table("ledger") +
                          " (pipeline, cluster_id, topic, kafka_partition, incarnation,"
                          " from_offset, to_offset, writer, revision, kind,"
                          " loaded, rejected, filtered, gaps, lost)"
                          " SELECT p.pipeline, p.cluster_id, p.topic, p.kafka_partition,"
                          " p.incarnation, p.next_offset, $7::bigint, $6::text, $8::text,"
                          " $9::text, 0, 0, 0, 0, $7::bigint - p.next_offset FROM " +
                          identity_.own_table("progress") + " p WHERE" + at_beginning,
                      ledger);
        const Rows moved =
            session_.exec("UPDATE " + identity_.own_table("progress") + " p SET " + step.set +
                              ", last_offset = -1, last_timestamp_ms = -1, last_checksum = 0,"
                              " moved_at = clock_timestamp(), writer = $6::text WHERE" +
                              at_beginning,
                          key);
        if (moved.affected != 1) return false;
        transaction.commit();
        return true;
    });
}

std::vector<ProgressRow> read_progress(Session& session, const std::string& schema,
                                       const std::string& pipeline) {
    const Rows rows = session.exec(
        "SELECT cluster_id, topic, kafka_partition, next_offset, anchor_offset, incarnation,"
        " moved_at, writer FROM " +
            quote_identifier(schema) + ".progress WHERE pipeline = $1 ORDER BY 1, 2, 3",
        {pipeline});
    std::vector<ProgressRow> progress;
    for (std::size_t row = 0; row < rows.rows.size(); ++row)
        progress.push_back({rows.text(row, 0), rows.text(row, 1),
                            static_cast<PartitionId>(rows.number(row, 2)), rows.number(row, 3),
                            rows.number(row, 4), static_cast<int>(rows.number(row, 5)),
                            rows.text(row, 6), rows.text(row, 7)});
    return progress;
}

}  // namespace sluice
