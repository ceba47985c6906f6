#include "daemon/pipeline_overview.h"
#include "kafka/client.h"
#include "kafka/topic.h"
#include "sinks/cloudberry_progress.h"
#include "sinks/session.h"
#include "sinks/sql_text.h"

#include <algorithm>
#include <exception>
#include <map>

namespace sluice {
namespace {

std::int64_t dead_letters_of(Session& session, const std::string& schema,
                             const std::string& pipeline) {
    return session
        .exec(
            "SELECT count(*) FROM " + quote_identifier(schema) + ".dead_letter WHERE pipeline = $1",
            {pipeline})
        .number(0, 0);
}

void look_up(PipelineOverview& found, const config::Config& config, const config::Ingest& ingest) {
    Session session{config.cloudberry.dsn.text, "sluice status"};
    kafka::ClientHandle client = kafka::make_client(
        RD_KAFKA_CONSUMER, kafka::make_conf(config.kafka, {{"group.id", ingest.group}}),
        ingest.name);
    const std::string cluster = kafka::cluster_id(*client);
    std::map<PartitionId, Offset> progress;
    for (const ProgressRow& row : read_progress(session, config.cloudberry.schema, ingest.name)) {
        if (row.cluster_id == cluster && row.topic == ingest.topic) {
            progress[row.partition] = row.next;
        }
    }
    found.dead_letters = dead_letters_of(session, config.cloudberry.schema, ingest.name);
    for (const PartitionId partition : kafka::partitions_of(*client, ingest.topic)) {
        const OffsetRange range = kafka::available_offsets(*client, ingest.topic, partition);
        PipelineOverview::Partition& shown = found.partitions.emplace_back();
        shown.partition = partition;
        shown.end = range.to;
        if (const auto at = progress.find(partition); at != progress.end()) shown.next = at->second;
        shown.lag = std::max<Offset>(0, range.to - shown.next.value_or(range.from));
        found.lag += shown.lag;
    }
}

}  // namespace

Overview look_up(const config::Config& config) {
    Overview overview{.source = Overview::Source::database, .revision = "", .pipelines = {}};
    for (const config::Ingest& ingest : config.ingest) {
        PipelineOverview& found = overview.pipelines.emplace_back();
        found.key = "ingest." + ingest.name;
        found.state = "not asked";
        try {
            look_up(found, config, ingest);
        } catch (const std::exception& error) {
            found.state = "unknown";
            found.reason = error.what();
        }
    }
    return overview;
}

}  // namespace sluice
