#include "daemon/admin/pipeline_overview.h"

#include "daemon/report/report.h"

#include <simdjson.h>

#include <algorithm>
#include <cstdio>

namespace sluice {
namespace {

namespace dom = simdjson::dom;

std::string text(dom::object object, std::string_view key) {
    std::string_view value;
    if (object[key].get(value) != simdjson::SUCCESS) return {};
    return std::string(value);
}

double number(dom::object object, std::string_view key) {
    double value = 0;
    if (object[key].get(value) != simdjson::SUCCESS) return 0;
    return value;
}

std::optional<std::int64_t> whole(dom::object object, std::string_view key) {
    std::int64_t value = 0;
    if (object[key].get(value) != simdjson::SUCCESS) return std::nullopt;
    return value;
}

/// The status page's words.
std::string word_for(const std::string& state, const std::string& activity) {
    if (state == "backing_off") return "trying again";
    if (activity == "stuck") return activity;
    if (state != "running" || activity.empty() || activity == "working") return state;
    if (activity == "joining_group") return "joining the group";
    return activity == "waiting_for_data" ? "waiting for data" : activity;
}

PipelineOverview pipeline_of(dom::object told) {
    PipelineOverview pipeline;
    pipeline.key = text(told, "key");
    pipeline.state = word_for(text(told, "state"), text(told, "activity"));
    pipeline.reason = text(told, "reason");
    if (told["ready"].get(pipeline.ready) != simdjson::SUCCESS) pipeline.ready = false;
    // A daemon older than this program tells of readiness alone.
    if (told["fine"].get(pipeline.fine) != simdjson::SUCCESS) pipeline.fine = pipeline.ready;
    if (pipeline.ready && !pipeline.fine)
        pipeline.state = text(told, "held_up") == pipeline.reason ? "partly held up" : "rejecting";
    bool filters = false;
    if (told["filtering"].get(filters) == simdjson::SUCCESS && filters)
        pipeline.state = "filtering";
    if (text(told, "kind") == "outbox") {
        pipeline.rows_per_second = number(told, "events_per_second");
        pipeline.dead_letters =
            whole(told, "open_refused").value_or(whole(told, "refused").value_or(0));
        pipeline.outbox.emplace();
        pipeline.outbox->role = text(told, "role");
        pipeline.outbox->backlog_seconds = number(told, "backlog_seconds");
        return pipeline;
    }
    pipeline.rows_per_second = number(told, "rows_per_second");
    pipeline.dead_letters =
        whole(told, "open_dead_letters").value_or(whole(told, "rejects").value_or(0));
    pipeline.lag = whole(told, "lag");
    dom::array partitions;
    if (told["partitions"].get(partitions) != simdjson::SUCCESS) return pipeline;
    for (const dom::element element : partitions) {
        dom::object partition;
        if (element.get(partition) != simdjson::SUCCESS) continue;
        pipeline.partitions.push_back({.topic = text(partition, "topic"),
                                       .partition = whole(partition, "partition").value_or(0),
                                       .next = whole(partition, "next"),
                                       .end = whole(partition, "end"),
                                       .lag = whole(partition, "lag").value_or(0),
                                       .lag_seconds = number(partition, "lag_seconds")});
    }
    return pipeline;
}

/// Empty: it was not refused.
std::string refusal_of_latest_reload(dom::object status) {
    dom::array reloads;
    dom::object latest;
    if (status["reloads"].get(reloads) != simdjson::SUCCESS ||
        reloads.at(0).get(latest) != simdjson::SUCCESS || text(latest, "result") != "refused") {
        return {};
    }
    dom::array problems;
    std::string_view first;
    if (latest["problems"].get(problems) != simdjson::SUCCESS ||
        problems.at(0).get(first) != simdjson::SUCCESS) {
        return text(latest, "summary");
    }
    const std::size_t more = problems.size() - 1;
    return std::string(first) + (more > 0 ? " (and " + std::to_string(more) + " more)" : "");
}

void put(JsonWriter& json, std::string_view name, const std::optional<std::int64_t>& number) {
    if (number) json.field(name, static_cast<long long>(*number));
}

std::string or_dash(const std::optional<std::int64_t>& number) {
    return number ? std::to_string(*number) : "-";
}

std::string rounded(double number) {
    char digits[32];
    std::snprintf(digits, sizeof digits, number < 10 ? "%.1f" : "%.0f", number);
    return digits;
}

std::string rounded_or_dash(const std::optional<double>& number) {
    return number ? rounded(*number) : "-";
}

std::vector<std::string> row_of(const std::string& key, const PipelineOverview::Outbox& outbox) {
    return {key,
            outbox.role.empty() ? "-" : outbox.role,
            rounded_or_dash(outbox.backlog_seconds),
            or_dash(outbox.unclaimed),
            or_dash(outbox.claimed),
            or_dash(outbox.sent),
            or_dash(outbox.batch),
            or_dash(outbox.mark)};
}

void write(const PipelineOverview::Outbox& outbox, JsonWriter& json) {
    json.begin_object();
    if (!outbox.role.empty()) json.field("role", outbox.role);
    if (outbox.backlog_seconds) json.field("backlog_seconds", *outbox.backlog_seconds);
    put(json, "unclaimed", outbox.unclaimed);
    put(json, "claimed", outbox.claimed);
    put(json, "sent", outbox.sent);
    put(json, "batch", outbox.batch);
    put(json, "mark", outbox.mark);
    json.end_object();
}

}  // namespace

std::optional<Overview> parse_overview(const std::string& status_json) {
    dom::parser parser;
    dom::object status;
    dom::array pipelines;
    if (parser.parse(status_json).get(status) != simdjson::SUCCESS ||
        status["pipelines"].get(pipelines) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    Overview overview;
    overview.revision = text(status, "revision");
    overview.refusal = refusal_of_latest_reload(status);
    for (const dom::element element : pipelines) {
        dom::object told;
        if (element.get(told) == simdjson::SUCCESS) {
            overview.pipelines.push_back(pipeline_of(told));
        }
    }
    return overview;
}

std::string overview_table(Overview overview) {
    std::stable_partition(overview.pipelines.begin(), overview.pipelines.end(),
                          [](const PipelineOverview& pipeline) { return !pipeline.fine; });
    std::vector<std::vector<std::string>> pipelines{
        {"pipeline", "state", "rows/s", "lag", "dead letters", "partitions"}};
    std::vector<std::vector<std::string>> partitions{
        {"pipeline", "topic", "partition", "progress", "end", "lag", "behind (s)"}};
    std::vector<std::vector<std::string>> outboxes{
        {"pipeline", "role", "backlog (s)", "unclaimed", "claimed", "sent", "batch", "mark"}};
    std::string reasons;
    for (const PipelineOverview& pipeline : overview.pipelines) {
        pipelines.push_back({pipeline.key, pipeline.state,
                             rounded_or_dash(pipeline.rows_per_second), or_dash(pipeline.lag),
                             std::to_string(pipeline.dead_letters),
                             pipeline.outbox ? "-" : std::to_string(pipeline.partitions.size())});
        if (pipeline.outbox) outboxes.push_back(row_of(pipeline.key, *pipeline.outbox));
        if (!pipeline.reason.empty()) reasons += pipeline.key + ": " + pipeline.reason + "\n";
        for (const auto& partition : pipeline.partitions) {
            partitions.push_back({pipeline.key, partition.topic,
                                  std::to_string(partition.partition), or_dash(partition.next),
                                  or_dash(partition.end), std::to_string(partition.lag),
                                  rounded(partition.lag_seconds)});
        }
    }
    std::string shown = format_table(pipelines);
    if (!reasons.empty()) shown += "\n" + reasons;
    if (partitions.size() > 1) shown += "\n" + format_table(partitions);
    if (outboxes.size() > 1) shown += "\n" + format_table(outboxes);
    return shown;
}

std::string overview_json(const Overview& overview) {
    JsonWriter json;
    json.begin_object().field("source",
                              overview.source == Overview::Source::daemon ? "daemon" : "database");
    json.field("revision", overview.revision);
    if (!overview.refusal.empty()) json.field("refused_reload", overview.refusal);
    json.key("pipelines").begin_array();
    for (const PipelineOverview& pipeline : overview.pipelines) {
        json.begin_object().field("pipeline", pipeline.key).field("state", pipeline.state);
        json.field("ready", pipeline.ready)
            .field("fine", pipeline.fine)
            .field("reason", pipeline.reason);
        if (pipeline.rows_per_second) json.field("rows_per_second", *pipeline.rows_per_second);
        put(json, "lag", pipeline.lag);
        put(json, "dead_letters", pipeline.dead_letters);
        json.key("partitions").begin_array();
        for (const auto& partition : pipeline.partitions) {
            json.begin_object().field("topic", partition.topic);
            put(json, "partition", partition.partition);
            put(json, "progress", partition.next);
            put(json, "end", partition.end);
            put(json, "lag", partition.lag);
            json.field("lag_seconds", partition.lag_seconds).end_object();
        }
        json.end_array();
        if (pipeline.outbox) write(*pipeline.outbox, json.key("outbox"));
        json.end_object();
    }
    json.end_array().end_object();
    return json.text();
}

}  // namespace sluice
