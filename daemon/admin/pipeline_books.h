#pragma once

#include "config/config.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

namespace sluice {

/// What the database has of pipelines that somebody looks at: their last batches, and their dead
/// letters or refused events by reason. It is asked on a thread of its own, about each pipeline
/// once in ten seconds at most: who asks here gets what was found last, and never waits. From any
/// thread.
class PipelineBooks {
public:
    explicit PipelineBooks(std::function<std::shared_ptr<const config::Config>()> config);

    /// As JSON, of a pipeline that is configured; without "looked_at" until it was looked at.
    [[nodiscard]] std::string to_json(const std::string& key);

private:
    using Clock = std::chrono::steady_clock;
    struct Known {
        Clock::time_point at;
        std::string json;
    };
    void loop(const std::stop_token& end);

    const std::function<std::shared_ptr<const config::Config>()> config_;
    std::mutex mutex_;  // guards what follows
    std::condition_variable_any wake_;
    std::map<std::string, Known> known_;
    std::set<std::string> wanted_;
    std::string looking_;  ///< at this one just now
    std::jthread thread_;  // last: it uses what is above
};

}  // namespace sluice
