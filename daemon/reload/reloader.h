#pragma once

#include "config/load.h"
#include "daemon/reload/preparation.h"
#include "daemon/reload/reload_plan.h"
#include "daemon/supervisor/supervisor.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sluice {

enum class ReloadTrigger { start, signal, file, request };
/// "start", "signal" and so on.
[[nodiscard]] const char* name_of(ReloadTrigger trigger);

/// What became of a reload. A value.
struct ReloadOutcome {
    enum class Result {
        applied,
        unchanged,  ///< nothing differed from what runs
        refused,    ///< something is wrong with it: nothing changed at all
    };
    Result result = Result::unchanged;
    ReloadTrigger trigger = ReloadTrigger::start;
    std::chrono::system_clock::time_point at{};  ///< when it was over
    std::string revision{};                      ///< of the configuration in force from then on
    ReloadPlan plan{};                           ///< what it did; when refused, nothing
    std::vector<std::string> problems{};         ///< why it was refused: all of them
};
/// "applied" and so on: the same word in status, metrics and logs.
[[nodiscard]] const char* name_of(ReloadOutcome::Result result);

/// The reloads so far, the latest first, as far as they are remembered.
using ReloadHistory = std::vector<ReloadOutcome>;

/// Makes what runs what the configuration file says, whoever asks for it: reads the file, checks
/// it in full, compares it with what runs, prepares what is new or changed, and only then lets the
/// supervisor change anything. If anything is wrong, nothing changes, and the outcome says what.
///
/// A thread of its own, on which all reloads happen, one after the other. Methods from any thread.
class Reloader {
public:
    /// Called on the reloader's thread.
    struct World {
        std::function<config::Loaded()> load;
        std::function<Preparation(const PreparationRequest&)> prepare;
        /// Takes over what is the process's own, such as the level of logs, before pipelines
        /// change; or changes nothing and says why. The start does without: all is as configured.
        std::function<std::string(const config::Config&)> adopt;
        /// Told of each outcome.
        std::function<void(const ReloadOutcome&)> report;
        Supervisor& supervisor;
    };
    explicit Reloader(World world);
    /// Waits for the reload under way; requests that are still waiting are refused.
    ~Reloader();
    Reloader(const Reloader&) = delete;
    Reloader& operator=(const Reloader&) = delete;

    /// The first configuration, which was read already. Nothing is prepared: there is no good one
    /// yet that a bad one could take down, and what cannot run now is tried again.
    ReloadOutcome start(const config::Config& config);
    /// Requests that wait are served together by the next reload.
    std::future<ReloadOutcome> request(ReloadTrigger trigger);

    /// What is in force. Never null.
    [[nodiscard]] std::shared_ptr<const config::Config> config() const;
    [[nodiscard]] ReloadHistory history() const;

private:
    struct Request {
        ReloadTrigger trigger;
        std::optional<config::Config> first{};  ///< of a start: there is no file to be read
        std::promise<ReloadOutcome> outcome{};
    };

    std::future<ReloadOutcome> post(Request request);
    void loop();
    /// Those that the next reload serves; none: the end.
    [[nodiscard]] std::vector<Request> await_requests();
    [[nodiscard]] ReloadOutcome serve(const Request& request);
    [[nodiscard]] ReloadOutcome begin(const config::Config& config);
    [[nodiscard]] ReloadOutcome reload();
    [[nodiscard]] ReloadOutcome put_in_force(const config::Config& config, ReloadPlan plan);
    /// Adds pipelines that are to be restarted since their tables changed; returns what is wrong.
    [[nodiscard]] std::vector<std::string> prepare(const config::Loaded& loaded, ReloadPlan& plan);
    void conclude(ReloadOutcome& outcome);

    const World world_;

    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable requested_;
    std::vector<Request> requests_;
    std::shared_ptr<const config::Config> config_ = std::make_shared<config::Config>();
    ReloadHistory history_;
    bool ending_ = false;

    std::thread thread_;
};

}  // namespace sluice
