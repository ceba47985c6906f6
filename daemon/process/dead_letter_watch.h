#pragma once

#include "config/config.h"
#include "pipeline/ingest/ingest_status.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace sluice {

/// Counts the open dead letters of all pipelines now and then, on a thread and a connection of its
/// own, from construction to destruction. What it costs the database stays at a hundredth of one
/// connection, however many there are. Where the role may not read them, or the database does not
/// answer, that is logged once and tried again.
class DeadLetterWatch {
public:
    /// By the names of pipelines; one without any is not in it. On the thread of the watch.
    using Report = std::function<void(const std::map<std::string, OpenDeadLetters>& open)>;

    DeadLetterWatch(config::Cloudberry database, Report report);
    /// From now on there.
    void adopt(const config::Cloudberry& database);
    ~DeadLetterWatch();
    DeadLetterWatch(const DeadLetterWatch&) = delete;
    DeadLetterWatch& operator=(const DeadLetterWatch&) = delete;

private:
    void loop();

    const Report report_;
    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    config::Cloudberry database_;
    bool adopted_ = true;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace sluice
