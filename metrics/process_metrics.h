#pragma once

#include "metrics/registry.h"

#include <string>

namespace sluice::metrics {

/// The process as the system sees it, read from /proc when somebody looks, under the names that all
/// Prometheus clients use; and which build it is.
class ProcessMetrics {
public:
    ProcessMetrics(Registry& registry, const Labels& build);

private:
    void read();

    Gauge build_;
    Counter cpu_seconds_;
    Gauge resident_bytes_;
    Gauge virtual_bytes_;
    Gauge open_files_;
    Gauge most_files_;
    Gauge threads_;
    Gauge start_time_;
    Registry::Hook hook_;
};

}  // namespace sluice::metrics
