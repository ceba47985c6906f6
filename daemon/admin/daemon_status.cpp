#include "daemon/admin/daemon_status.h"

#include "daemon/admin/stopped_lag.h"
#include "daemon/report/report.h"
#include "daemon/supervisor/observatory.h"

#include <algorithm>

namespace sluice {
namespace {

using Time = std::chrono::system_clock::time_point;

/// Seconds since 1970, which every language can read.
double unix_seconds(Time time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

long long whole(auto number) {
    return static_cast<long long>(number);
}

void write_partitions(JsonWriter& json, const IngestStatus& ingest) {
    json.key("partitions").begin_array();
    for (const IngestStatus::Partition& partition : ingest.partitions) {
        json.begin_object().field("topic", partition.topic);
        json.field("partition", whole(partition.partition));
        if (partition.lane != IngestStatus::Partition::no_lane) {
            json.field("lane", whole(partition.lane));
        }
        json.field("next", whole(partition.next));
        if (partition.end) json.field("end", whole(*partition.end));
        json.field("lag", whole(partition.lag)).field("lag_seconds", partition.lag_seconds);
        json.end_object();
    }
    json.end_array();
}

void write_missing_topics(JsonWriter& json, const IngestStatus& ingest) {
    json.key("missing_topics").begin_array();
    for (const GroupStatistics::MissingTopic& missing : ingest.missing_topics)
        json.begin_object().field("topic", missing.topic).field("why", missing.why).end_object();
    json.end_array();
}

void write_held_up_topics(JsonWriter& json, const IngestStatus& ingest) {
    json.key("held_up_topics").begin_array();
    for (const auto& [topic, held] : ingest.held_up_topics)
        json.begin_object().field("topic", topic).field("why", held.why).end_object();
    json.end_array();
}

/// What keeps a part of it from being done while the rest goes on; empty: nothing.
std::string why_partly(const DaemonStatus::Pipeline& pipeline) {
    if (pipeline.outbox) return pipeline.outbox->held_up;
    if (!pipeline.ingest) return {};
    const IngestStatus& ingest = *pipeline.ingest;
    return ingest.rejecting.empty() ? ingest.held_up : ingest.rejecting;
}

void write_lanes(JsonWriter& json, const IngestStatus& ingest) {
    json.key("lanes").begin_array();
    for (const IngestStatus::Lane& lane : ingest.lanes) {
        json.begin_object().field("activity", name_of(lane.activity));
        json.field("seconds", lane.seconds).end_object();
    }
    json.end_array();
}

void write_dead_letters(JsonWriter& json, const IngestStatus& ingest) {
    if (const auto& open = ingest.open_dead_letters) {
        json.field("open_dead_letters", whole(open->count));
        if (open->oldest) json.field("oldest_dead_letter", unix_seconds(*open->oldest));
    }
    json.key("dead_letters").begin_array();
    for (const IngestStatus::DeadLetter& letter : ingest.dead_letters) {
        json.begin_object().field("topic", letter.topic);
        json.field("partition", whole(letter.partition)).field("offset", whole(letter.offset));
        json.field("reasons", letter.reasons).field("at", unix_seconds(letter.at)).end_object();
    }
    json.end_array();
}

void write_tables(JsonWriter& json, const IngestStatus& ingest) {
    json.key("tables").begin_array();
    for (const auto& [table, rows] : ingest.rows_by_table)
        json.begin_object().field("table", table).field("rows", whole(rows)).end_object();
    json.end_array();
}

void write_after_commit(JsonWriter& json, const IngestStatus::AfterCommit& ran) {
    json.key("after_commit").begin_object();
    json.field("done", whole(ran.done)).field("failed", whole(ran.failed));
    json.field("at", unix_seconds(ran.at)).field("error", ran.error).end_object();
}

void write_ingest(JsonWriter& json, const IngestStatus& ingest, bool knows_lag) {
    json.field("records", whole(ingest.records)).field("bytes", whole(ingest.bytes));
    json.field("rows", whole(ingest.rows)).field("rejects", whole(ingest.rejects));
    json.field("rows_per_second", ingest.rows_per_second);
    json.field("bytes_per_second", ingest.bytes_per_second);
    json.field("freshness_seconds", ingest.freshness_seconds);
    json.field("oldest_uncommitted_seconds", ingest.oldest_uncommitted_seconds);
    if (ingest.last_commit) json.field("last_commit", unix_seconds(*ingest.last_commit));
    if (knows_lag) json.field("lag", whole(ingest.lag()));
    json.field("lag_seconds", ingest.lag_seconds());
    write_lanes(json, ingest);
    write_partitions(json, ingest);
    write_missing_topics(json, ingest);
    write_held_up_topics(json, ingest);
    if (!ingest.rows_by_table.empty()) write_tables(json, ingest);
    if (ingest.after_commit) write_after_commit(json, *ingest.after_commit);
    if (!ingest.held_up.empty()) json.field("held_up", ingest.held_up);
    write_dead_letters(json, ingest);
}

void write_outbox(JsonWriter& json, const OutboxStatus& outbox) {
    json.field("role", name_of(outbox.role));
    json.field("events", whole(outbox.events)).field("bytes", whole(outbox.bytes));
    json.field("refused", whole(outbox.refused));
    if (outbox.open_refused) json.field("open_refused", whole(*outbox.open_refused));
    json.field("events_per_second", outbox.events_per_second);
    json.field("bytes_per_second", outbox.bytes_per_second);
    json.field("backlog_seconds", outbox.backlog_seconds);
    if (outbox.last_commit) json.field("last_commit", unix_seconds(*outbox.last_commit));
    if (!outbox.held_up.empty()) json.field("held_up", outbox.held_up);
}

void write_retry(JsonWriter& json, const DaemonStatus::Retry& retry) {
    json.key("dead_letter_retry").begin_object().field("started", unix_seconds(retry.started));
    if (retry.ended) json.field("ended", unix_seconds(*retry.ended));
    if (retry.all) json.field("all", whole(*retry.all));
    json.field("loaded", whole(retry.loaded)).field("filtered", whole(retry.filtered));
    json.field("rejected", whole(retry.rejected)).field("problem", retry.problem).end_object();
}

/// All is well, but nothing becomes a row.
bool is_filtering(const DaemonStatus::Pipeline& pipeline) {
    return why_not_fine(pipeline).empty() && pipeline.ingest && !pipeline.ingest->filtering.empty();
}

std::string reason_of(const DaemonStatus::Pipeline& pipeline) {
    if (!pipeline.supervised.reason.empty()) return pipeline.supervised.reason;
    if (is_filtering(pipeline)) return pipeline.ingest->filtering;
    std::string partly = why_partly(pipeline);
    if (!pipeline.ingest) return partly;
    const auto& after = pipeline.ingest->after_commit;
    return partly.empty() && after && !after->error.empty() ? "after_commit: " + after->error
                                                            : partly;
}

void write_pipeline(JsonWriter& json, const DaemonStatus::Pipeline& pipeline) {
    const PipelineStatus& supervised = pipeline.supervised;
    json.begin_object().field("key", pipeline.key).field("name", pipeline.name);
    json.field("kind", pipeline.kind).field("topic", pipeline.topic);
    json.field("table", pipeline.table).field("state", name_of(supervised.state));
    const bool hangs =
        supervised.state == PipelineState::starting && supervised.activity == Activity::Kind::stuck;
    if (supervised.state == PipelineState::running || hangs) {
        json.field("activity", name_of(supervised.activity));
    }
    json.field("ready", why_not_ready(pipeline).empty());
    json.field("fine", why_not_fine(pipeline).empty());
    json.field("filtering", is_filtering(pipeline));
    json.field("reason", reason_of(pipeline));
    json.field("since", unix_seconds(supervised.since));
    json.field("failures", whole(supervised.failures));
    json.field("restarts", whole(supervised.restarts));
    if (!supervised.last_failure.empty()) {
        json.field("last_failure", supervised.last_failure);
        json.field("last_failed_at", unix_seconds(supervised.last_failed_at));
    }
    if (pipeline.ingest) {
        const bool knows_lag =
            !cannot_tell_its_lag(supervised.state) || !pipeline.ingest->partitions.empty();
        write_ingest(json, *pipeline.ingest, knows_lag);
    }
    if (pipeline.outbox) write_outbox(json, *pipeline.outbox);
    if (pipeline.retry) write_retry(json, *pipeline.retry);
    json.end_object();
}

void write_reload(JsonWriter& json, const DaemonStatus::Reload& reload) {
    json.begin_object().field("at", unix_seconds(reload.at)).field("result", reload.result);
    json.field("trigger", reload.trigger).field("revision", reload.revision);
    json.field("summary", reload.summary).key("problems").begin_array();
    for (const std::string& problem : reload.problems) json.value(problem);
    json.end_array().end_object();
}

}  // namespace

std::string why_not_ready(const DaemonStatus::Pipeline& pipeline) {
    const PipelineStatus& supervised = pipeline.supervised;
    if (supervised.state == PipelineState::running && !is_stuck(supervised)) return {};
    if (supervised.state == PipelineState::scheduled) return {};
    std::string why = name_of(supervised.state);
    if (supervised.state == PipelineState::running) why = "stuck";
    return supervised.reason.empty() ? why : why + ": " + supervised.reason;
}

std::string why_not_fine(const DaemonStatus::Pipeline& pipeline) {
    const std::string why = why_not_ready(pipeline);
    return why.empty() ? why_partly(pipeline) : why;
}

bool is_ready(const DaemonStatus& status) {
    return !status.draining && std::ranges::all_of(status.pipelines, [](const auto& pipeline) {
        return why_not_ready(pipeline).empty();
    });
}

std::string to_json(const DaemonStatus& status) {
    const Time now = std::chrono::system_clock::now();
    JsonWriter json;
    json.begin_object().field("version", status.version);
    json.field("librdkafka", status.librdkafka).field("now", unix_seconds(now));
    json.field("started", unix_seconds(status.started)).field("revision", status.revision);
    json.field("draining", status.draining).field("ready", is_ready(status));
    json.key("pipelines").begin_array();
    for (const auto& pipeline : status.pipelines) write_pipeline(json, pipeline);
    json.end_array().key("reloads").begin_array();
    for (const auto& reload : status.reloads) write_reload(json, reload);
    json.end_array().key("log").begin_array();
    for (const LogLine& line : status.log) {
        json.begin_object().field("at", unix_seconds(line.at)).field("level", line.level);
        json.field("about", line.about).field("text", line.text);
        json.field("times", whole(line.times)).end_object();
    }
    json.end_array().end_object();
    return json.text();
}

std::string readiness_json(const DaemonStatus& status) {
    JsonWriter json;
    json.begin_object().field("ready", is_ready(status)).field("draining", status.draining);
    json.key("not_ready").begin_array();
    for (const auto& pipeline : status.pipelines) {
        const std::string why = why_not_ready(pipeline);
        if (why.empty()) continue;
        json.begin_object().field("pipeline", pipeline.key).field("reason", why).end_object();
    }
    json.end_array().end_object();
    return json.text();
}

}  // namespace sluice
