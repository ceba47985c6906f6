#pragma once

#include "config/config.h"
#include "pipeline/ingest/after_commit_run.h"
#include "sinks/session/session.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace sluice {

/// Runs a pipeline's after_commit when something was committed since it ran last: in a transaction,
/// on a connection and a thread of its own, so that no batch waits for it. What fails is told, and
/// tried again as if there had been a commit.
class AfterCommit {
public:
    using Clock = std::chrono::steady_clock;
    struct Options {
        std::string dsn;
        std::string pipeline;
        config::AfterCommit what;
        /// When the pipeline last committed; nullopt: never. From any thread.
        std::function<AfterCommitRun::Commit()> last_commit;
        /// The latest run, of this or of one that is gone.
        std::optional<AfterCommitRun> last_run;
        /// It ran. On the thread of this.
        std::function<void(const AfterCommitRun& run)> on_ran;
    };

    explicit AfterCommit(Options options);
    /// Cuts short what runs.
    ~AfterCommit();
    AfterCommit(const AfterCommit&) = delete;
    AfterCommit& operator=(const AfterCommit&) = delete;

    /// Once more, if something was committed since; cuts it short at the deadline. To be called by
    /// the thread that owns this, before its end.
    void finish(Clock::time_point deadline);

private:
    enum class Asked { nothing, finish, end };

    void loop();
    [[nodiscard]] std::string run();
    [[nodiscard]] bool is_to_stop() const;
    void ask(Asked what, Clock::time_point deadline);

    const Options options_;
    Session session_;  // the thread's own

    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    Asked asked_ = Asked::nothing;
    Clock::time_point deadline_;

    std::thread thread_;
};

}  // namespace sluice
