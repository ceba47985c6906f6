#include "registry/registry_metrics.h"

#include "metrics/registry.h"

namespace sluice::registry {
namespace {

metrics::Counter fetches(metrics::Registry& registry, const char* result) {
    return registry.counter("sluice_registry_fetches_total",
                            "Schemas that the registry was asked for, by what became of it",
                            {{"result", result}});
}

}  // namespace

RegistryMetrics::RegistryMetrics(metrics::Registry& registry)
    : schemas(registry.gauge("sluice_registry_schemas",
                             "Schemas that came from the registry and are kept")),
      fetched(fetches(registry, "fetched")),
      unknown(fetches(registry, "unknown")),
      failed(fetches(registry, "failed")),
      waited_seconds(registry.counter("sluice_registry_wait_seconds_total",
                                      "Time that lanes waited for the registry's answers")) {}

}  // namespace sluice::registry
