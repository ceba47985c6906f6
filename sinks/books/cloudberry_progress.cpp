#include "sinks/books/cloudberry_progress.h"

#include "pipeline/errors.h"
#include "sinks/session/sql_text.h"

#include <algorithm>
#include <cstdlib>
#include <set>

namespace sluice {
namespace {

std::string next_offset_at(Offset to) {
    return "next_offset = " + std::to_string(to);
}

/// Offsets begin again there, and are accounted for by themselves.
std::string another_incarnation_at(Offset start) {
    return "incarnation = p.incarnation + 1, anchor_offset = " + std::to_string(start) + ", " +
           next_offset_at(start);
}

}  // namespace

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
    std::set<std::string> topics;
    std::set<std::int64_t> numbers;
    for (const PartitionId partition : partitions) {
        const TopicPartition& named = (*identity_.partitions)[partition];
        topics.insert(named.topic);
        numbers.insert(named.number);
    }
    return guarded([&] {
        const Rows rows = session_.exec(
            "SELECT topic, kafka_partition, next_offset, last_offset, last_timestamp_ms,"
            " last_checksum, incarnation FROM " +
                identity_.own_table("progress") + " p WHERE" + of_pipeline +
                " AND topic = ANY ($3::text[]) AND kafka_partition = ANY ($4::int[])",
            {identity_.pipeline, identity_.cluster_id,
             array_literal(std::vector<std::string>(topics.begin(), topics.end())),
             array_literal(std::vector<std::int64_t>(numbers.begin(), numbers.end()))});
        std::vector<ResumePoint> points;
        for (std::size_t row = 0; row < rows.rows.size(); ++row) {
            const TopicPartition* const named = identity_.partitions->find(
                rows.text(row, 0), static_cast<PartitionNumber>(rows.number(row, 1)));
            if (named == nullptr || std::ranges::find(partitions, named->id) == partitions.end())
                continue;  // another topic's of that number
            ResumePoint& point = points.emplace_back();
            point.partition = named->id;
            point.next = rows.number(row, 2);
            point.last = {rows.number(row, 3), rows.number(row, 4),
                          static_cast<std::uint32_t>(rows.number(row, 5))};
            point.incarnation = static_cast<int>(rows.number(row, 6));
        }
        return points;
    });
}

/// The pipeline's sessions are those that call themselves as this one does.
std::string CloudberryProgress::in_the_way() noexcept {
    try {
        const Rows found = session_.exec(
            "SELECT h.pid, coalesce(h.usename, '?'), coalesce(h.application_name, ''),"
            " coalesce(h.state, ''), left(regexp_replace(coalesce(h.query, ''), '\\s+', ' ', 'g'), "
            "100)"
            " FROM pg_stat_activity w CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) b (pid)"
            " JOIN pg_stat_activity h ON h.pid = b.pid"
            " WHERE w.datname = current_database() AND w.usename = current_user"
            " AND w.application_name = current_setting('application_name') LIMIT 1");
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

bool CloudberryProgress::any(const std::string& topic) {
    return guarded([&] {
        const Rows rows =
            session_.exec("SELECT EXISTS (SELECT 1 FROM " + identity_.own_table("progress") +
                              " p WHERE" + of_pipeline + " AND p.topic = $3)",
                          {identity_.pipeline, identity_.cluster_id, topic});
        return rows.text(0, 0) == "t";
    });
}

void CloudberryProgress::anchor(std::span<const Position> starts) {
    guarded([&] { insert(starts); });
}

std::size_t CloudberryProgress::insert(std::span<const Position> starts) {
    if (starts.empty()) return 0;
    std::vector<std::string> topics;
    std::vector<std::int64_t> numbers;
    std::vector<std::int64_t> offsets;
    for (const Position& start : starts) {
        const TopicPartition& named = (*identity_.partitions)[start.partition];
        topics.push_back(named.topic);
        numbers.push_back(named.number);
        offsets.push_back(start.next);
    }
    const Rows inserted = session_.exec(
        "INSERT INTO " + identity_.own_table("progress") +
            " (pipeline, cluster_id, topic, kafka_partition, next_offset,"
            " anchor_offset, writer)"
            " SELECT $1::text, $2::text, v.topic, v.kafka_partition, v.start, v.start, $3::text"
            " FROM (SELECT unnest($4::text[]) AS topic, unnest($5::int[]) AS kafka_partition,"
            " unnest($6::bigint[]) AS start) v"
            " ON CONFLICT DO NOTHING",
        {identity_.pipeline, identity_.cluster_id, identity_.writer, array_literal(topics),
         array_literal(numbers), array_literal(offsets)});
    return static_cast<std::size_t>(inserted.affected);
}

Move CloudberryProgress::skip_lost(PartitionId partition, OffsetRange range) {
    // What follows is another record; the one before it is gone from Kafka, so none is known.
    return take_alone({partition, range, "skipped", next_offset_at(range.to)});
}

Move CloudberryProgress::begin_anew(PartitionId partition, Offset next, Offset start) {
    return take_alone({partition, {next, next}, "ended", another_incarnation_at(start)});
}

CloudberryProgress::Step CloudberryProgress::step_of(const ProgressMove& move) {
    const ResumePoint& now = *move.now;
    const bool back = move.to < now.next;
    return {.partition = move.partition,
            .range = {now.next, back ? now.next : move.to},
            .kind = back ? "rewound" : "moved",
            .set = back ? another_incarnation_at(move.to) : next_offset_at(move.to),
            .incarnation = now.incarnation};
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
        // UPDATE takes the stronger lock, so it comes before the INSERT.
        if (!take(steps) || insert(starts) != starts.size()) return false;
        transaction.commit();
        return true;
    });
}

Move CloudberryProgress::take_alone(const Step& step) {
    return guarded([&] {
        Transaction transaction(session_);
        if (!take({&step, 1})) return Move::overtaken;
        transaction.commit();
        return Move::made;
    });
}

bool CloudberryProgress::take(std::span<const Step> steps) {
    const auto key_of = [&](const Step& step) {
        const TopicPartition& named = (*identity_.partitions)[step.partition];
        return Row{identity_.pipeline,
                   identity_.cluster_id,
                   named.topic,
                   std::to_string(named.number),
                   std::to_string(step.range.from),
                   identity_.writer};
    };
    const auto at_beginning = [](const Step& step) {
        std::string condition =
            std::string(of_pipeline) +
            " AND p.topic = $3 AND p.kafka_partition = $4 AND p.next_offset = $5::bigint";
        if (step.incarnation)
            condition += " AND p.incarnation = " + std::to_string(*step.incarnation);
        return condition;
    };
    // Progress last: its lock is what others wait for.
    for (const Step& step : steps) {
        Row ledger = key_of(step);
        ledger.insert(ledger.end(), {std::to_string(step.range.to), identity_.revision, step.kind});
        session_.exec("INSERT INTO " + identity_.own_table("ledger") +
                          " (pipeline, cluster_id, topic, kafka_partition, incarnation,"
                          " from_offset, to_offset, writer, revision, kind,"
                          " loaded, rejected, filtered, gaps, lost)"
                          " SELECT p.pipeline, p.cluster_id, p.topic, p.kafka_partition,"
                          " p.incarnation, p.next_offset, $7::bigint, $6::text, $8::text,"
                          " $9::text, 0, 0, 0, 0, $7::bigint - p.next_offset FROM " +
                          identity_.own_table("progress") + " p WHERE" + at_beginning(step),
                      ledger);
    }
    for (const Step& step : steps) {
        const Rows moved =
            session_.exec("UPDATE " + identity_.own_table("progress") + " p SET " + step.set +
                              ", last_offset = -1, last_timestamp_ms = -1, last_checksum = 0,"
                              " moved_at = clock_timestamp(), writer = $6::text WHERE" +
                              at_beginning(step),
                          key_of(step));
        if (moved.affected != 1) return false;
    }
    return true;
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
                            static_cast<PartitionNumber>(rows.number(row, 2)), rows.number(row, 3),
                            rows.number(row, 4), static_cast<int>(rows.number(row, 5)),
                            rows.text(row, 6), rows.text(row, 7)});
    return progress;
}

}  // namespace sluice
