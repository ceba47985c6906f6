#pragma once

#include "config/pipeline.h"
#include "pipeline/outside_wait.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace sluice {

using PipelineConfig = config::Pipeline;

/// What a pipeline does just now.
struct Activity {
    enum class Kind {
        working,
        joining_group,     ///< Kafka has not said yet which partitions are ours
        waiting_for_data,  ///< all is well, and all that there is was moved
        stuck,             ///< it has work, or may have, and makes no progress
    };
    Kind kind = Kind::working;
    std::string reason;  ///< why it is stuck
};

/// Whether a pipeline without work may be called waiting. One that commits now and then would
/// change its word every second, and tell nothing by it.
[[nodiscard]] inline bool is_calm(
    std::optional<std::chrono::system_clock::time_point> last_commit) {
    constexpr std::chrono::seconds calm_after{10};
    return !last_commit || std::chrono::system_clock::now() - *last_commit > calm_after;
}

/// A pipeline at work, of whatever kind.
class RunningPipeline {
public:
    virtual ~RunningPipeline() = default;
    /// Works on the calling thread until request_stop(), or until it throws.
    virtual void run() = 0;
    /// From any thread. What is in flight may commit until the deadline.
    virtual void request_stop(std::chrono::steady_clock::time_point deadline) = 0;
    /// From any thread; returns at once.
    [[nodiscard]] virtual Activity activity() const = 0;
    /// Takes over a configuration that differs only in what applies in place. As above.
    virtual void adapt(const PipelineConfig& config) = 0;
    /// What it was built on, as the database described it then: "public.orders (id bigint, …)".
    /// The same text means that it would be built alike today. From any thread.
    [[nodiscard]] virtual std::string target() const = 0;
};

/// Builds a pipeline, ready to run(). Says what it waits for, as the pipeline may do later; throws
/// where it cannot.
using PipelineFactory = std::function<std::unique_ptr<RunningPipeline>(
    const PipelineConfig&, const std::shared_ptr<OutsideWait>& wait)>;

}  // namespace sluice
