#pragma once

#include "registry/registry_client.h"

#include <memory>
#include <mutex>

namespace sluice::registry {

/// The daemon's client of [registry], one for all pipelines: each takes it when it is built. From
/// any thread. A section that says something else gets a client of its own, and whoever still uses
/// the one before keeps it.
class SharedRegistry {
public:
    /// `metrics` must outlive all clients.
    explicit SharedRegistry(metrics::Registry& metrics) : metrics_(metrics) {}

    /// Null: none is configured. Throws WrongConfiguration.
    [[nodiscard]] std::shared_ptr<RegistryClient> of(const config::Registry& registry);

private:
    metrics::Registry& metrics_;
    std::mutex mutex_;  // guards what is below
    config::Registry configured_;
    std::shared_ptr<RegistryClient> client_;
};

}  // namespace sluice::registry
