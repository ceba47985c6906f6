#pragma once

#include "config/pipeline.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace sluice {

using PipelineConfig = config::Pipeline;

/// What a pipeline does just now.
struct Activity {
    enum class Kind {
        working,
        waiting_for_data,  ///< all is well, and all that there is was moved
        stuck,             ///< it has work, or may have, and makes no progress
    };
    Kind kind = Kind::working;
    std::string reason;  ///< why it is stuck
};

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

/// Builds a pipeline, ready to run(). May block for a bounded time; throws where it cannot.
using PipelineFactory = std::function<std::unique_ptr<RunningPipeline>(const PipelineConfig&)>;

}  // namespace sluice
