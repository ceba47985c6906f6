#include "daemon/admin/daemon_status.h"

#include "daemon/admin/stopped_lag.h"
#include "daemon/commands/report.h"
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
}

void write_pipeline(JsonWriter& json, const DaemonStatus::Pipeline& pipeline) {
    const PipelineStatus& supervised = pipeline.supervised;
    json.begin_object().field("key", pipeline.key).field("name", pipeline.name);
    json.field("kind", pipeline.kind).field("topic", pipeline.topic);
    json.field("table", pipeline.table).field("state", name_of(supervised.state));
    if (supervised.state == PipelineState::running) {
        json.field("activity", name_of(supervised.activity));
    }
    json.field("ready", why_not_ready(pipeline).empty());
    const bool rejects = supervised.reason.empty() && pipeline.ingest;
    json.field("fine", why_not_fine(pipeline).empty());
    json.field("reason", rejects ? pipeline.ingest->rejecting : supervised.reason);
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
    std::string why = name_of(supervised.state);
    if (supervised.state == PipelineState::running) why = "stuck";
    return supervised.reason.empty() ? why : why + ": " + supervised.reason;
}

std::string why_not_fine(const DaemonStatus::Pipeline& pipeline) {
    const std::string why = why_not_ready(pipeline);
    return why.empty() && pipeline.ingest ? pipeline.ingest->rejecting : why;
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
