#pragma once

#include "metrics/registry.h"
#include "pipeline/reject.h"

#include <array>
#include <string>

namespace sluice {

/// The series that an ingest pipeline has as long as it is configured; those of its partitions,
/// lanes, brokers and tables come and go with them. From any thread.
struct IngestMetrics {
    IngestMetrics(metrics::Registry& registry, const std::string& pipeline);

    metrics::Counter rows;
    std::array<metrics::Counter, reject_causes> rejects;
    metrics::Counter superseded;
    metrics::Counter unmatched;
    metrics::Counter keys_without_order;
    metrics::Counter filtered;
    metrics::Counter gaps;
    metrics::Histogram batch_rows;
    metrics::Histogram batch_bytes;
    metrics::Histogram copy_seconds;
    metrics::Histogram commit_seconds;
    metrics::Histogram freshness;
    metrics::Counter throttled;
    metrics::Gauge fetched_bytes;
    metrics::Gauge fetched_records;
    metrics::Gauge assigned;
    metrics::Gauge missing_topics;
    metrics::Gauge held_up_topics;
    metrics::Counter assignments;
    metrics::Counter revocations;
    metrics::Gauge oldest_uncommitted;
    metrics::Gauge last_commit;
};

/// Of one broker, as a pipeline's client sees it.
struct BrokerMetrics {
    BrokerMetrics(metrics::Registry& registry, const std::string& pipeline,
                  const std::string& broker);

    metrics::Gauge up;
    metrics::Gauge round_trip;
    metrics::Gauge throttle;
    metrics::Counter errors;
};

}  // namespace sluice
