#pragma once

#include "daemon/supervisor/running_pipeline.h"

#include <chrono>
#include <map>
#include <string>

namespace sluice {

enum class PipelineState {
    starting,
    running,
    backing_off,  ///< failed, and will be tried again soon
    failed,       ///< failed again and again; still tried, slowly
    held,         ///< more was rejected than it bears; until it is resumed by command
    scheduled,    ///< outside of the times at which its schedule has it run
    paused,       ///< by command, until it is resumed by one
    stopped,
};

/// "backing_off" and so on: the same word in status, metrics and logs.
[[nodiscard]] const char* name_of(PipelineState state);
/// "waiting_for_data" and so on.
[[nodiscard]] const char* name_of(Activity::Kind activity);

/// What is known of one pipeline. A value: it does not change behind the reader's back.
struct PipelineStatus {
    PipelineState state = PipelineState::starting;
    std::chrono::system_clock::time_point since =
        std::chrono::system_clock::now();               ///< when it came into this state
    Activity::Kind activity = Activity::Kind::working;  ///< while it is running, or starting
    std::string reason;        ///< of the last failure, or of the trouble that holds it up now
    std::string target;        ///< what it runs on: "public.orders (id bigint, …)"
    std::string revision;      ///< of its own configuration: what its ledger rows carry
    int failures = 0;          ///< in a row
    int restarts = 0;          ///< since it was added: after failures, by reload, by command
    std::string last_failure;  ///< kept when it runs again; empty: it never failed
    std::chrono::system_clock::time_point last_failed_at;
};

/// Whether `target` is what a change of its table would be seen by: one that starts just now is
/// looking at its table, one that is held, scheduled, paused or stopped will.
[[nodiscard]] bool has_known_target(const PipelineStatus& status);

/// What the supervisor keeps, at one moment.
struct SupervisorStatus {
    std::map<std::string, PipelineStatus> pipelines;  ///< by key: "ingest.orders"
    bool draining = false;                            ///< the process is about to end
};

}  // namespace sluice
