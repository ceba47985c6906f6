#include "sinks/books/cloudberry_progress.h"

#include "pipeline/errors.h"
#include "sinks/books/read_so_far.h"
#include "sinks/books/tip.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <utility>

namespace sluice {
CloudberryProgress::CloudberryProgress(const std::string& dsn, PipelineIdentity identity,
                                       std::shared_ptr<TipsRead> read)
    : identity_(std::move(identity)),
      session_(dsn, "sluice/" + identity_.pipeline),
      read_(std::move(read)) {}

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
    return guarded([&] {
        std::vector<ResumePoint> points;
        for (const Tip& tip : read_tips(session_, identity_, partitions)) {
            if (read_) read_->note(tip);
            points.push_back({.partition = tip.partition,
                              .next = tip.next,
                              .last = tip.last,
                              .incarnation = tip.incarnation});
        }
        return points;
    });
}

std::set<std::string> CloudberryProgress::topics() {
    return guarded([&] { return topics_with_progress(session_, identity_); });
}

void CloudberryProgress::anchor(std::span<const Position> starts) {
    if (starts.empty()) return;
    guarded([&] {
        Transaction transaction(session_);
        insert(starts);
        transaction.commit();
    });
}

/// In the order of names, so that of two who do so none waits for what the other waits for.
std::size_t CloudberryProgress::insert(std::span<const Position> starts) {
    std::vector<std::string> topics;
    std::vector<std::int64_t> numbers;
    std::vector<std::int64_t> offsets;
    for (const Position& start : starts) {
        const TopicPartition& named = (*identity_.partitions)[start.partition];
        topics.push_back(named.topic);
        numbers.push_back(named.number);
        offsets.push_back(start.next);
    }
    const std::string anchors = identity_.own_table("anchor");
    // Of anchors that somebody has deleted, the ledger may still have rows.
    const Rows inserted = session_.exec(
        "INSERT INTO " + anchors +
            " (pipeline, cluster_id, topic, kafka_partition, incarnation, anchor_offset, writer)"
            " SELECT $1::text, $2::text, v.topic, v.kafka_partition, coalesce(l.unused, 0),"
            " v.anchor_offset, $6::text FROM (SELECT unnest($3::text[]) AS topic,"
            " unnest($4::int[]) AS kafka_partition, unnest($5::bigint[]) AS anchor_offset) v"
            " LEFT JOIN (SELECT topic, kafka_partition, max(incarnation) + 1 AS unused FROM " +
            identity_.own_table("ledger") +
            " WHERE pipeline = $1::text AND cluster_id = $2::text AND topic = ANY($3::text[])"
            " AND kafka_partition = ANY($4::int[]) GROUP BY topic, kafka_partition) l"
            " ON l.topic = v.topic AND l.kafka_partition = v.kafka_partition"
            " WHERE NOT EXISTS (SELECT 1 FROM " +
            anchors +
            " a WHERE a.pipeline = $1::text AND a.cluster_id = $2::text AND a.topic = v.topic"
            " AND a.kafka_partition = v.kafka_partition)"
            " ORDER BY v.topic, v.kafka_partition ON CONFLICT DO NOTHING",
        {identity_.pipeline, identity_.cluster_id, array_literal(topics), array_literal(numbers),
         array_literal(offsets), identity_.writer});
    return static_cast<std::size_t>(inserted.affected);
}

Move CloudberryProgress::skip_lost(PartitionId partition, OffsetRange range) {
    return take_alone({.partition = partition, .range = range, .kind = "skipped"});
}

Move CloudberryProgress::begin_anew(PartitionId partition, Offset next, Offset start) {
    return take_alone(
        {.partition = partition, .range = {next, next}, .kind = "ended", .anchor = start});
}

CloudberryProgress::Step CloudberryProgress::step_of(const ProgressMove& move) {
    const ResumePoint& now = *move.now;
    Step step{.partition = move.partition,
              .range = {now.next, move.to},
              .kind = "moved",
              .incarnation = now.incarnation};
    if (move.to >= now.next) return step;
    step.range.to = now.next;
    step.kind = "rewound";
    step.anchor = move.to;
    return step;
}

bool CloudberryProgress::set(std::span<const ProgressMove> moves) {
    std::vector<Step> steps;
    std::vector<Position> starts;
    for (const ProgressMove& move : moves) {
        if (!move.now) {
            starts.push_back({move.partition, move.to});
        } else if (move.to != move.now->next) {
            steps.push_back(step_of(move));
        }
    }
    return guarded([&] {
        Transaction transaction(session_);
        const bool all = std::ranges::all_of(steps, [&](const Step& step) { return take(step); });
        if (!all || insert(starts) != starts.size()) return false;
        transaction.commit();
        return true;
    });
}

Move CloudberryProgress::take_alone(const Step& step) {
    return guarded([&] {
        Transaction transaction(session_);
        if (!take(step)) return Move::overtaken;
        transaction.commit();
        return Move::made;
    });
}

/// Its row of the ledger begins where the partition is, as a batch's would: whoever else begins
/// there waits for this one, or this one for that.
bool CloudberryProgress::take(const Step& step) {
    const auto tip = read_tip(session_, identity_, step.partition);
    if (!tip || tip->next != step.range.from ||
        tip->incarnation != step.incarnation.value_or(tip->incarnation))
        return false;
    Row ledger = partition_key(identity_, step.partition);
    ledger.insert(ledger.end(),
                  {std::to_string(tip->incarnation), std::to_string(step.range.from),
                   std::to_string(step.range.to), step.kind, identity_.writer, identity_.revision});
    const Rows inserted = session_.exec(
        "INSERT INTO " + identity_.own_table("ledger") +
            " (pipeline, cluster_id, topic, kafka_partition, incarnation, from_offset, to_offset,"
            " loaded, rejected, filtered, gaps, lost, kind, writer, revision, committed_at,"
            " last_offset, last_timestamp_ms, last_checksum)"
            " SELECT $1::text, $2::text, $3::text, $4::int, $5::int, $6::bigint, $7::bigint,"
            " 0, 0, 0, 0, $7::bigint - $6::bigint, $8::text, $9::text, $10::text,"
            " clock_timestamp(), -1, -1, 0 FROM " +
            still_there(identity_, {&*tip, 1}) + " tip ON CONFLICT DO NOTHING",
        ledger);
    if (inserted.affected != 1) return false;
    if (!step.anchor) return true;
    Row anchor = partition_key(identity_, step.partition);
    anchor.insert(anchor.end(), {std::to_string(tip->incarnation + 1), std::to_string(*step.anchor),
                                 identity_.writer});
    const Rows begun = session_.exec(
        "INSERT INTO " + identity_.own_table("anchor") +
            " (pipeline, cluster_id, topic, kafka_partition, incarnation, anchor_offset, writer)"
            " SELECT $1::text, $2::text, $3::text, $4::int, $5::int, $6::bigint, $7::text"
            " ON CONFLICT DO NOTHING",
        anchor);
    return begun.affected == 1;
}

std::vector<ProgressRow> read_progress(Session& session, const std::string& schema,
                                       const std::string& pipeline) {
    const Rows keys =
        session.exec("SELECT DISTINCT pipeline, cluster_id, topic, kafka_partition FROM " +
                         quote_identifier(schema) + ".anchor WHERE pipeline = $1 ORDER BY 2, 3, 4",
                     {pipeline});
    std::vector<ProgressRow> progress;
    for (const Row& key : keys.rows) {
        const Rows row = read_tip_row(session, schema, key);
        if (row.rows.empty()) continue;
        progress.push_back({.cluster_id = key[1].value(),
                            .topic = key[2].value(),
                            .partition = static_cast<PartitionNumber>(std::stol(key[3].value())),
                            .next = row.number(0, tip_next),
                            .anchor = row.number(0, tip_anchor),
                            .incarnation = static_cast<int>(row.number(0, tip_incarnation)),
                            .moved_at = row.text(0, tip_moved_at),
                            .writer = row.text(0, tip_writer)});
    }
    return progress;
}

}  // namespace sluice
