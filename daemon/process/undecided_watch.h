#pragma once

#include "config/config.h"
#include "pipeline/ingest/ingest_status.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace sluice {

/// Counts now and then what waits for somebody's decision: the open dead letters of all ingest
/// pipelines, and the refused events of all outboxes. On a thread and a connection of its own, from
/// construction to destruction. What it costs the database stays at a hundredth of one connection,
/// however many there are. Where the role may not read them, or the database does not answer, that
/// is logged once and tried again.
class UndecidedWatch {
public:
    /// By the names of pipelines; one without any is not in it. On the thread of the watch.
    struct Reports {
        std::function<void(const std::map<std::string, OpenDeadLetters>&)> dead_letters;
        std::function<void(const std::map<std::string, std::int64_t>&)> refused_events;
    };

    UndecidedWatch(const config::Config& config, Reports reports);
    /// From now on what this one has, and there.
    void adopt(const config::Config& config);
    ~UndecidedWatch();
    UndecidedWatch(const UndecidedWatch&) = delete;
    UndecidedWatch& operator=(const UndecidedWatch&) = delete;

private:
    /// Where to count what.
    struct Scope {
        config::Cloudberry database;
        bool has_outboxes = false;
        bool operator==(const Scope&) const = default;
    };
    static Scope scope_of(const config::Config& config);
    void loop();

    const Reports reports_;
    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    Scope scope_;
    bool adopted_ = true;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace sluice
