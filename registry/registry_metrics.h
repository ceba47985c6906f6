#pragma once

#include "metrics/instruments.h"

namespace sluice::registry {

/// What a registry's client tells Prometheus. From any thread.
struct RegistryMetrics {
    RegistryMetrics() = default;  ///< counts nothing
    explicit RegistryMetrics(metrics::Registry& registry);

    metrics::Gauge schemas;
    metrics::Counter fetched;
    metrics::Counter unknown;
    metrics::Counter failed;
    metrics::Counter waited_seconds;
};

}  // namespace sluice::registry
