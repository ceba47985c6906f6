#pragma once

#include "daemon/supervisor/pipeline_status.h"
#include "metrics/registry.h"
#include "pipeline/ingest/ingest_observer.h"
#include "pipeline/outbox/outbox_observer.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace sluice {

/// Where pipelines tell of their work, and where the supervisor's view of them becomes metrics.
/// From any thread; outlives them.
class Observatory {
public:
    /// A pipeline that has work to do and makes no progress for as long as `patience` is stuck.
    Observatory(metrics::Registry& registry, std::chrono::milliseconds patience)
        : registry_(registry), patience_(patience) {}

    /// From now on so long.
    void set_patience(std::chrono::milliseconds patience);

    /// The observer of this ingest pipeline; one that is built anew after a failure gets the one
    /// that it had. Shared, since a pipeline that was removed may still be leaving.
    [[nodiscard]] std::shared_ptr<IngestObserver> observe(const PipelineConfig& config);

    /// The same of an outbox pipeline.
    [[nodiscard]] std::shared_ptr<OutboxObserver> observe_outbox(const PipelineConfig& config);

    /// By the names of pipelines; one that is not in it has none.
    void on_open_dead_letters(const std::map<std::string, OpenDeadLetters>& open);
    void on_open_refused_events(const std::map<std::string, std::int64_t>& open);

    /// From now on /metrics shows what `status` says; what it names no more is forgotten.
    void watch(std::function<SupervisorStatus()> status);

    /// Nothing for a pipeline that was never built. `key`: "ingest.orders".
    [[nodiscard]] std::optional<IngestStatus> ingest(const std::string& key) const;
    [[nodiscard]] std::optional<OutboxStatus> outbox(const std::string& key) const;

private:
    struct Pipeline {
        metrics::Gauge info;
        std::map<PipelineState, metrics::Gauge> states;
        metrics::Gauge stuck;
        metrics::Counter restarts;
    };

    void tell_what_it_is(const std::string& key, const std::string& topic,
                         const std::string& table);
    void look(const std::function<SupervisorStatus()>& status);
    [[nodiscard]] Pipeline& pipeline(const std::string& key);
    template <typename Observers>
    typename Observers::mapped_type found(const Observers& observers,
                                          const std::string& key) const {
        const std::lock_guard lock{mutex_};
        const auto at = observers.find(key);
        return at == observers.end() ? nullptr : at->second;
    }

    metrics::Registry& registry_;

    mutable std::mutex mutex_;  // guards what follows
    std::chrono::milliseconds patience_;
    std::map<std::string, std::shared_ptr<IngestObserver>> ingest_;  // by key, as all here
    std::map<std::string, std::shared_ptr<OutboxObserver>> outbox_;
    std::map<std::string, Pipeline> pipelines_;

    metrics::Registry::Hook hook_;  // last: it looks at what is above
};

/// Whether something keeps it from working that a person, or time, has to mend.
[[nodiscard]] bool is_stuck(const PipelineStatus& status);

}  // namespace sluice
