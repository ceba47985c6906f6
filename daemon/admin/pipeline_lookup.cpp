#include "daemon/admin/outbox_mark.h"
#include "daemon/admin/pipeline_overview.h"
#include "kafka/client.h"
#include "kafka/topic.h"
#include "sinks/books/cloudberry_progress.h"
#include "sinks/dead_letters/open_dead_letters.h"
#include "sinks/outbox/outbox_backlog.h"
#include "sinks/outbox/refused_events.h"
#include "sinks/session/session.h"

#include <algorithm>
#include <exception>
#include <map>
#include <string>
#include <utility>

namespace sluice {
namespace {

void fill(PipelineOverview& found, const config::Config& config, const config::Ingest& ingest) {
    Session session{config.cloudberry.dsn.text, "sluice status"};
    kafka::ClientHandle client = kafka::make_client(
        RD_KAFKA_CONSUMER, kafka::make_conf(config.kafka, {{"group.id", ingest.group}}),
        ingest.name);
    const std::string cluster = kafka::cluster_id(*client);
    std::map<std::pair<std::string, PartitionNumber>, Offset> progress;
    for (const ProgressRow& row : read_progress(session, config.cloudberry.schema, ingest.name)) {
        if (row.cluster_id == cluster) progress[{row.topic, row.partition}] = row.next;
    }
    std::int64_t lag = 0;
    found.dead_letters = count_dead_letters(
        session,
        {.schema = config.cloudberry.schema, .pipeline = ingest.name, .topic = "", .where = {}});
    for (const auto& [topic, partitions] : kafka::partitions_of(*client, ingest.topic)) {
        for (const auto& [partition, range] :
             kafka::available_offsets(*client, topic, partitions)) {
            PipelineOverview::Partition& shown = found.partitions.emplace_back();
            shown.topic = topic;
            shown.partition = partition;
            shown.end = range.to;
            if (const auto at = progress.find({topic, partition}); at != progress.end())
                shown.next = at->second;
            shown.lag = std::max<Offset>(0, range.to - shown.next.value_or(range.from));
            lag += shown.lag;
        }
    }
    found.lag = lag;
}

void fill(PipelineOverview& found, const config::Config& config, const config::Outbox& outbox) {
    Session session{config.cloudberry.dsn.text, "sluice status"};
    const RelayIdentity identity{.schema = config.cloudberry.schema, .relay = outbox.name};
    PipelineOverview::Outbox& shown = found.outbox.emplace();
    if (last_claimed(session, identity) > 0) shown.mark = mark_of(session, config, outbox);
    const OutboxBacklog backlog =
        read_backlog(session, identity, read_outbox_table(session, outbox), shown.mark.value_or(0));
    shown.batch = backlog.last;
    shown.unclaimed = backlog.unclaimed;
    shown.claimed = backlog.claimed;
    shown.sent = backlog.sent;
    found.lag = backlog.unclaimed + backlog.claimed;
    found.dead_letters =
        count_refused_events(session, {.schema = identity.schema, .relay = outbox.name}).open;
}

template <typename Configured>
PipelineOverview looked_up(const config::Config& config, const std::string& kind,
                           const Configured& pipeline) {
    PipelineOverview found;
    found.key = kind + "." + pipeline.name;
    found.state = "not asked";
    try {
        fill(found, config, pipeline);
    } catch (const std::exception& error) {
        found.state = "unknown";
        found.reason = error.what();
    }
    return found;
}

}  // namespace

PipelineOverview look_up(const config::Config& config, const config::Ingest& ingest) {
    return looked_up(config, "ingest", ingest);
}

Overview look_up(const config::Config& config) {
    Overview overview{.source = Overview::Source::database, .revision = "", .pipelines = {}};
    for (const config::Ingest& ingest : config.ingest) {
        overview.pipelines.push_back(look_up(config, ingest));
    }
    for (const config::Outbox& outbox : config.outbox) {
        overview.pipelines.push_back(looked_up(config, "outbox", outbox));
    }
    return overview;
}

}  // namespace sluice
