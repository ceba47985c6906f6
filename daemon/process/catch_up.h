#pragma once

#include "config/config.h"
#include "daemon/supervisor/pipeline_status.h"
#include "pipeline/ingest/ingest_status.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

namespace sluice {

/// Sees when a run that is to end has done its work: everything that the topics held when it began
/// is committed, by this daemon or by others of its group, and each outbox was seen empty once. On
/// a thread and a connection of its own, from construction to destruction; trouble of the world is
/// waited out.
class CatchUp {
public:
    struct Outcome {
        bool caught_up = false;
        std::string reason;  ///< in words, why it will not
    };
    struct Options {
        std::optional<std::chrono::milliseconds> timeout;  ///< gives up then
        std::function<SupervisorStatus()> status;          ///< from any thread
        /// What this ingest pipeline shows, by its key. From any thread.
        std::function<std::optional<IngestStatus>(const std::string& key)> ingest;
        /// Of this outbox, by its key: a look found nothing to send. From any thread.
        std::function<bool(const std::string& key)> was_empty;
        std::function<void(const Outcome&)> on_end;  ///< called once, on the thread of this
    };

    CatchUp(config::Config config, Options options);
    ~CatchUp();
    CatchUp(const CatchUp&) = delete;
    CatchUp& operator=(const CatchUp&) = delete;

private:
    using Clock = std::chrono::steady_clock;
    class Topics;

    void loop();
    struct Behind {
        std::string going_on;  ///< which pipelines have not caught up, and why
        std::string held_up;   ///< of which nothing comes any more but topics that are held up
    };
    [[nodiscard]] Behind behind_in(const SupervisorStatus& status, Topics& topics) const;
    /// False when this is ending.
    bool rest(std::chrono::milliseconds time);

    const config::Config config_;
    const Options options_;
    const Clock::time_point began_ = Clock::now();

    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    bool ending_ = false;

    std::thread thread_;
};

}  // namespace sluice
