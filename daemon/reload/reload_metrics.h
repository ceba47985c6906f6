#pragma once

#include "daemon/reload/reloader.h"
#include "metrics/registry.h"

namespace sluice {

/// What metrics say of reloads and of the configuration in force. One thread at a time.
class ReloadMetrics {
public:
    explicit ReloadMetrics(metrics::Registry& registry);

    void note(const ReloadOutcome& outcome);

private:
    metrics::Registry& registry_;
    metrics::Counter applied_;
    metrics::Counter unchanged_;
    metrics::Counter refused_;
    metrics::Gauge last_successful_;
    metrics::Gauge last_success_;
    metrics::Gauge info_;
};

}  // namespace sluice
