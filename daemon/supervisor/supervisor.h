#pragma once

#include "config/config.h"
#include "config/text/time_zone.h"
#include "daemon/supervisor/pipeline_status.h"
#include "daemon/supervisor/supervised_pipeline.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

namespace sluice {

/// What became of a command.
enum class CommandResult {
    done,
    no_such_pipeline,
    ambiguous_name,  ///< pipelines of both kinds are called so: "ingest.NAME" or "outbox.NAME"
    is_paused,       ///< or waits for its time: resume() ends that
    draining,        ///< the process is about to end: nothing is begun any more
};

/// By which schedules are followed.
struct WallClock {
    std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
    std::chrono::milliseconds look{1000};  ///< so often, at pipelines, too, that hang
};

/// Keeps the running pipelines equal to the configured ones. Commands are posted, from any thread,
/// to one queue, and applied there one after the other on the supervisor's own thread, so that no
/// two changes can race; the future tells what became of each. status() answers at once, whatever
/// goes on.
class Supervisor {
public:
    explicit Supervisor(PipelineFactory factory,
                        const BackoffLimits& restart = {std::chrono::seconds(1),
                                                        std::chrono::seconds(60)},
                        WallClock clock = {});
    /// Ends everything at once; waits for what is stuck in a call. drain() first, for a graceful
    /// end.
    ~Supervisor();
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    /// Stops what is gone or changed, starts what is new or changed; what differs only in settings
    /// that apply in place takes them over, and what is equal is left alone, unless it is named in
    /// `restart` (by its key). The start of the daemon is this, coming from nothing. What was
    /// paused stays so.
    std::future<CommandResult> apply(config::Config config, std::set<std::string> restart = {});

    /// `name`: "orders", or "ingest.orders" where pipelines of both kinds share the name.
    /// Stops the pipeline at a batch boundary until resume(); a reload does not end that.
    std::future<CommandResult> pause(std::string name);
    /// Also one that is held, or waits for its time: that one runs until the end of the next time
    /// at which its schedule has it run.
    std::future<CommandResult> resume(std::string name);
    /// Stops it at a batch boundary and builds it anew: it then sees its table as it is now.
    std::future<CommandResult> restart(std::string name);

    /// Stops everything, also in front of commands that still wait; false when something had not
    /// ended by then. That is still running, and the destructor would wait for it: a process that
    /// wants to end in time exits without.
    bool drain(std::chrono::milliseconds patience);

    [[nodiscard]] SupervisorStatus status() const;

private:
    using Clock = std::chrono::steady_clock;

    struct Apply {
        config::Config config;
        std::set<std::string> restart;
    };
    struct Pause {
        std::string name;
    };
    struct Resume {
        std::string name;
    };
    struct Restart {
        std::string name;
    };
    struct Drain {
        Clock::time_point deadline;
    };
    using Command = std::variant<Apply, Pause, Resume, Restart, Drain>;
    struct Posted {
        Command command;
        std::promise<CommandResult> result;
    };
    /// A configured pipeline.
    struct Kept {
        PipelineConfig config;
        std::unique_ptr<SupervisedPipeline> running;  ///< none while paused
        int starts_before = 0;                        ///< of those that ran before `running`
        std::optional<std::chrono::system_clock::time_point> paused_since;
        config::TimeZone zone{};                                           ///< of the schedule
        std::optional<std::chrono::system_clock::time_point> waits_since;  ///< for its time
        bool runs_anyway = false;  ///< by command, until it is its time
        std::string not_started;   ///< why there could be no thread for it; it is tried again
    };
    using Pipelines = std::map<std::string, Kept>;

    std::future<CommandResult> post(Command command);
    void loop();

    // On the supervisor's thread.
    CommandResult run(Apply& apply);
    CommandResult run(const Pause& pause);
    CommandResult run(const Resume& resume);
    CommandResult run(const Restart& restart);
    CommandResult run(const Drain& drain);
    [[nodiscard]] std::variant<Pipelines::iterator, CommandResult> find(const std::string& name);
    /// False when something has not ended by the deadline; it is left to end by itself.
    bool stop(const std::vector<std::string>& keys, Clock::time_point deadline);
    void start(Kept& kept);
    void start_what_lacks();
    void follow_schedules();
    /// For those that hang.
    void look();
    /// The caller holds the mutex, as of the next one.
    [[nodiscard]] bool is_outside_of_schedule(const Kept& kept) const;
    /// How long to wait for a command; nullopt: as long as it takes.
    [[nodiscard]] std::optional<std::chrono::milliseconds> patience_for_commands() const;
    void forget_those_that_left();

    const PipelineFactory factory_;
    const BackoffLimits restart_;
    const WallClock clock_;
    // The thread's own:
    std::chrono::milliseconds patience_{};  ///< with a pipeline that is to stop
    std::chrono::milliseconds stuck_after_{};
    Clock::time_point next_start_;  ///< of those that could not be started

    mutable std::mutex mutex_;  // guards what follows; pipelines_ is changed by the thread only
    std::condition_variable posted_;
    std::deque<Posted> queue_;
    bool draining_ = false;
    bool ending_ = false;
    Pipelines pipelines_;
    /// Asked to stop; when stuck in a call, what they still write is fenced.
    std::vector<std::unique_ptr<SupervisedPipeline>> leaving_;

    std::thread thread_;
};

}  // namespace sluice
