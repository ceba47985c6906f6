#include "daemon/reload/reload_metrics.h"

namespace sluice {
namespace {

metrics::Counter counter_of(metrics::Registry& registry, ReloadOutcome::Result result) {
    return registry.counter("sluice_config_reloads_total",
                            "Reloads that were asked for, by what became of them",
                            {{"result", name_of(result)}});
}

}  // namespace

ReloadMetrics::ReloadMetrics(metrics::Registry& registry)
    : registry_(registry),
      applied_(counter_of(registry, ReloadOutcome::Result::applied)),
      unchanged_(counter_of(registry, ReloadOutcome::Result::unchanged)),
      refused_(counter_of(registry, ReloadOutcome::Result::refused)),
      last_successful_(registry.gauge("sluice_config_last_reload_successful",
                                      "0 after a reload that was refused, until one is not")),
      last_success_(
          registry.gauge("sluice_config_last_reload_success_timestamp_seconds",
                         "When the configuration in force was applied, in seconds since 1970")) {}

void ReloadMetrics::note(const ReloadOutcome& outcome) {
    const bool refused = outcome.result == ReloadOutcome::Result::refused;
    last_successful_.set(refused ? 0 : 1);
    if (refused) return refused_.add();
    if (outcome.result == ReloadOutcome::Result::unchanged) return unchanged_.add();
    applied_.add();
    const auto since_1970 = outcome.at.time_since_epoch();
    last_success_.set(std::chrono::duration<double>(since_1970).count());
    info_ = registry_.gauge("sluice_config_info",
                            "Always 1; the revision of the configuration in force is in the label",
                            {{"revision", outcome.revision}});
    info_.set(1);
}

}  // namespace sluice
