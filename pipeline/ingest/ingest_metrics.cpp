#include "pipeline/ingest/ingest_metrics.h"

namespace sluice {

IngestMetrics::IngestMetrics(metrics::Registry& registry, const std::string& pipeline) {
    const metrics::Labels labels{{"pipeline", pipeline}};
    rows =
        registry.counter("sluice_ingest_rows_total", "Rows committed to the target table", labels);
    for (std::size_t cause = 0; cause < reject_causes; ++cause) {
        rejects[cause] = registry.counter(
            "sluice_ingest_rejects_total", "Dead letters committed, by the first of their reasons",
            {{"pipeline", pipeline}, {"reason", name_of(static_cast<RejectCause>(cause))}});
    }
    superseded = registry.counter(
        "sluice_ingest_superseded_total",
        "Changes committed without a trace: the batch had a later one of their key, or the table a "
        "newer one",
        labels);
    unmatched =
        registry.counter("sluice_ingest_unmatched_total",
                         "Updates committed without a trace: the table had no such row", labels);
    keys_without_order = registry.counter(
        "sluice_ingest_keys_without_order_total",
        "Keys of which one batch had changes from several partitions, and no order between them",
        labels);
    filtered =
        registry.counter("sluice_ingest_filtered_total",
                         "Records that the configuration leaves out, committed as such", labels);
    gaps = registry.counter("sluice_ingest_gaps_total",
                            "Offsets passed that hold no record: compaction, transaction markers, "
                            "aborted transactions",
                            labels);
    batch_rows = registry.histogram({"sluice_ingest_batch_rows", "Rows of a committed batch"},
                                    metrics::count_bounds(), labels);
    batch_bytes =
        registry.histogram({"sluice_ingest_batch_bytes", "Memory that a committed batch took"},
                           metrics::size_bounds(), labels);
    copy_seconds = registry.histogram(
        {"sluice_ingest_copy_seconds",
         "Time spent sending a batch: COPY of rows and dead letters, ledger, progress"},
        metrics::duration_bounds(), labels);
    commit_seconds = registry.histogram({"sluice_ingest_commit_seconds", "Time that COMMIT took"},
                                        metrics::duration_bounds(), labels);
    freshness = registry.histogram(
        {"sluice_ingest_freshness_seconds", "From a record's timestamp to the commit of its batch"},
        metrics::age_bounds(), labels);
    throttled =
        registry.counter("sluice_ingest_fetch_throttled_seconds_total",
                         "Time that fetching waited for memory, summed over brokers", labels);
    fetched_bytes =
        registry.gauge("sluice_ingest_fetched_bytes",
                       "Memory held by records that were fetched and not yet made rows", labels);
    fetched_records =
        registry.gauge("sluice_ingest_fetched_records",
                       "Records that were fetched and that no lane has taken yet", labels);
    assigned = registry.gauge("sluice_ingest_partitions",
                              "Partitions that the group has assigned to this daemon", labels);
    missing_topics = registry.gauge(
        "sluice_ingest_topics_missing",
        "Of several topics those that are not there any more, or not yet, or not for us", labels);
    held_up_topics = registry.gauge(
        "sluice_ingest_topics_held_up",
        "Of several topics with targets of their own those whose target takes no rows now", labels);
    const auto rebalances = [&](const char* event) {
        return registry.counter("sluice_ingest_rebalances_total",
                                "Assignments and revocations by the group coordinator",
                                {{"pipeline", pipeline}, {"event", event}});
    };
    assignments = rebalances("assigned");
    revocations = rebalances("revoked");
    oldest_uncommitted = registry.gauge(
        "sluice_ingest_oldest_uncommitted_age_seconds",
        "Age, by its timestamp, of the oldest record that was read and is not committed; 0 when "
        "there is none",
        labels);
    last_commit = registry.gauge("sluice_pipeline_last_commit_timestamp_seconds",
                                 "When the pipeline last committed, in seconds since 1970; 0 "
                                 "before the first",
                                 {{"kind", "ingest"}, {"pipeline", pipeline}});
}

BrokerMetrics::BrokerMetrics(metrics::Registry& registry, const std::string& pipeline,
                             const std::string& broker) {
    const metrics::Labels labels{{"pipeline", pipeline}, {"broker", broker}};
    up = registry.gauge("sluice_kafka_broker_up", "1 while the connection to the broker stands",
                        labels);
    round_trip = registry.gauge("sluice_kafka_broker_round_trip_seconds",
                                "Mean round trip of requests in the last two seconds", labels);
    throttle = registry.gauge(
        "sluice_kafka_broker_throttle_seconds",
        "Mean time by which the broker throttled us (quotas) in the last two seconds", labels);
    errors =
        registry.counter("sluice_kafka_broker_errors_total",
                         "Requests that failed or timed out, and transmissions that broke", labels);
}

}  // namespace sluice
