#include "registry/shared_registry.h"

namespace sluice::registry {

std::shared_ptr<RegistryClient> SharedRegistry::of(const config::Registry& registry) {
    if (registry.urls.empty()) return nullptr;
    const std::lock_guard lock(mutex_);
    if (client_ == nullptr || configured_ != registry) {
        client_ = std::make_shared<RegistryClient>(registry, RegistryMetrics(metrics_));
        configured_ = registry;
    }
    return client_;
}

}  // namespace sluice::registry
